"""Secrets at rest: keys of consumers as digests, other inline secrets encrypted, references left as they are.

Which fields are secret is said by the models: ``json_schema_extra={"secret": True}`` on a field whose value is needed
again (encrypted), ``"digest"`` on one that is only ever compared (hashed). Walking an object by these marks seals it
before it is stored and masks it before it is shown.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel
from tollhouse.proto.resources.fields import is_reference
from tollhouse.proto.secret_marks import Change, PluginModel, change_secrets

ENVIRONMENT = "TOLLHOUSE_SEALING_KEY"
"""Where the operator's keys come from: one or several, separated by commas; the first encrypts, all decrypt."""

MASK = "********"
"""What is shown instead of a secret. A write that carries it keeps the stored value."""

SEALED = "$sealed://"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_BEHIND_SCHEME = re.compile(r"[A-Za-z][A-Za-z-]{0,30} \$(env|secret)://[^\s$]+\Z", re.IGNORECASE)
_NONCE_BYTES = 12
_MIN_KEY_CHARACTERS = 16


class SealingError(ValueError):
    """A sealed value cannot be opened, or a key cannot be used."""


class SealingKeyMissing(SealingError):
    """An inline secret is to be stored and there is no key to encrypt it with."""

    def __init__(self, where: str = "") -> None:
        place = f"{where} holds" if where else "the configuration holds"
        super().__init__(
            f"{place} an inline secret, and no sealing key is set to encrypt it with: set {ENVIRONMENT} "
            "on the control plane and the data planes, or write a reference such as $env://NAME instead of the secret"
        )
        self.where = where


def digest(key: str) -> str:
    """A consumer's key as it is stored and looked up. Keys are random and long, so a plain hash is enough."""
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def is_digest(text: str) -> bool:
    """Whether the text already is a digest (a stored object that is written again)."""
    return _DIGEST.match(text) is not None


def generate_key() -> str:
    """A fresh random key for an operator to keep."""
    return secrets.token_urlsafe(32)


class Sealer:
    """Encrypts and decrypts with the operator's keys (AES-256-GCM). Immutable; shared."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        """Raises SealingError when a key is too short to be one."""
        self._keys: dict[str, AESGCM] = {}
        for key in keys:
            if len(key) < _MIN_KEY_CHARACTERS:
                raise SealingError(f"a sealing key has at least {_MIN_KEY_CHARACTERS} characters, one has {len(key)}")
            material = HKDF(SHA256(), length=32, salt=None, info=b"tollhouse sealing v1").derive(key.encode())
            self._keys.setdefault(hashlib.sha256(b"id:" + material).hexdigest()[:8], AESGCM(material))

    @classmethod
    def from_text(cls, text: str) -> Sealer:
        """From the environment's value: keys separated by commas; an empty text gives a sealer without keys."""
        return cls(key for part in text.split(",") if (key := part.strip()))

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The keys' ids, the encrypting one first; empty when there is no key."""
        return tuple(self._keys)

    def seal(self, text: str, where: str = "") -> str:
        """``$sealed://<key id>/<base64>``. Raises SealingKeyMissing when there is no key."""
        if not self._keys:
            raise SealingKeyMissing(where)
        key_id, cipher = next(iter(self._keys.items()))
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + cipher.encrypt(nonce, text.encode("utf-8"), key_id.encode())
        return f"{SEALED}{key_id}/{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def open(self, text: str) -> str:
        """The secret itself; text that is not sealed comes back as it is. Raises SealingError naming the key needed."""
        if not text.startswith(SEALED):
            return text
        key_id, _, payload = text[len(SEALED) :].partition("/")
        cipher = self._keys.get(key_id)
        if cipher is None:
            raise SealingError(
                f"a value was sealed with key {key_id!r}, which is not among the sealing keys here "
                f"({', '.join(self._keys) or 'there are none'}): add that key to {ENVIRONMENT}"
            )
        try:
            sealed = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], key_id.encode()).decode("utf-8")
        except (InvalidTag, ValueError):
            raise SealingError(f"a value sealed with key {key_id!r} is damaged and cannot be opened") from None

    def renew(self, text: str) -> str:
        """A sealed text, sealed with the key that encrypts now; as it is when its own key is not here."""
        if not self._keys or self.is_current(text):
            return text
        try:
            return self.seal(self.open(text))
        except SealingError:
            return text

    def is_current(self, text: str) -> bool:
        """Whether the text is sealed with the key that encrypts now."""
        return bool(self._keys) and text.startswith(f"{SEALED}{next(iter(self._keys))}/")


# --- whole objects ----------------------------------------------------------------------------------------------------


def names_secret(value: str) -> bool:
    """Whether the text is a reference, perhaps with a scheme before it (``Bearer $env://KEY``): it holds no secret."""
    return is_reference(value) or _BEHIND_SCHEME.match(value) is not None


def mask(value: str) -> str:
    """What may be shown of a secret: references as they are, anything else as the mask."""
    return value if (names_secret(value) and not value.startswith(SEALED)) or not value else MASK


def mask_secrets(value: Any, model: type[BaseModel], plugin_model: PluginModel | None = None) -> Any:
    """A copy with the secrets masked: for answers, listings and logs."""
    return change_secrets(value, model, lambda secret: mask(secret.text), plugin_model)


def seal_secrets(
    value: Any, model: type[BaseModel], sealer: Sealer, plugin_model: PluginModel | None = None, stored: Any = None
) -> Any:
    """A copy fit to be stored: digests of what is only compared, the rest encrypted, references as they are. A secret
    that equals the ``stored`` object's keeps its sealed form, so that writing the same again changes nothing.
    Raises SealingKeyMissing naming the field."""

    def seal(secret: Change) -> str:
        text = secret.text
        if text.startswith(SEALED) and secret.mark != "digest":
            return sealer.renew(text)
        if names_secret(text) or not text:
            return text
        if secret.mark == "digest":
            return text if is_digest(text) else digest(text)
        known = secret.stored
        if isinstance(known, str) and sealer.is_current(known) and sealer.open(known) == text:
            return known
        return sealer.seal(text, secret.path)

    return change_secrets(value, model, seal, plugin_model, stored)


def restore_masked(
    new: Any, stored: Any, model: type[BaseModel], plugin_model: PluginModel | None = None
) -> tuple[Any, list[str]]:
    """A copy of ``new`` in which masked secrets have the stored object's values again, and the paths of masks for which
    nothing is stored (a mistake the writer must be told)."""
    lost: list[str] = []

    def restore(secret: Change) -> str:
        if secret.text != MASK:
            return secret.text
        if isinstance(secret.stored, str):
            return secret.stored
        lost.append(secret.path)
        return secret.text

    return change_secrets(new, model, restore, plugin_model, stored), lost


def inline_secrets(value: Any, model: type[BaseModel], plugin_model: PluginModel | None = None) -> list[str]:
    """The paths of secrets written in clear: what would need a sealing key to be stored."""
    found: list[str] = []

    def note(secret: Change) -> str:
        if secret.mark != "digest" and secret.text and not names_secret(secret.text):
            found.append(secret.path)
        return secret.text

    change_secrets(value, model, note, plugin_model)
    return found
