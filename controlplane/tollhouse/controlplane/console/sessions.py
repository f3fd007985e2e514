"""Sessions of the console: signed, without anything kept in this process, so any control plane can check them.

Signing in shows an admin key once. What comes back is a cookie (HttpOnly, SameSite=Strict) and a token that scripts of
the console send with every write: another site can send neither. A session ends after some hours, or with its key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from tollhouse.controlplane.access import Access, AdminKey
from tollhouse.controlplane.permissions import Permit, read_role
from tollhouse.controlplane.service.refusal import Fault, Refusal

COOKIE = "tollhouse_session"
CSRF_HEADER = "X-CSRF-Token"
LONGEST_S = 8 * 3600
PROVIDER = "oidc"
"""The key id of those an identity provider vouches for."""
PROVIDER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in."""

    key: AdminKey
    csrf: str
    expires: float

    @property
    def may_write(self) -> bool:
        """Viewers may not; what exactly the others may is looked at with each write."""
        return self.key.permit.may_write


class Sessions:
    """Makes and checks sessions. One per process."""

    def __init__(self, access: Access, clock: Callable[[], float] = time.time) -> None:
        self._access = access
        self._clock = clock

    def begin(self, presented: str, address: str = "") -> tuple[Session, str]:
        """The session of an admin key, and its cookie's value. Raises Refusal for a wrong key, and for any key after
        too many wrong ones from there."""
        key = self._access.check(presented, address=address)
        session = Session(key, secrets.token_urlsafe(24), self._clock() + LONGEST_S)
        return session, self._encoded(session)

    def read(self, cookie: str | None) -> Session:
        """The session a cookie stands for. Raises Refusal when it is none, or over."""
        text, _, signature = (cookie or "").partition(".")
        try:
            told = orjson.loads(base64.urlsafe_b64decode(text.encode()))
            key = self._key_of(told)
            csrf, expires = str(told["csrf"]), float(told["expires"])
        except (binascii.Error, ValueError, KeyError, TypeError):  # anybody may send anything as a cookie
            raise _ended() from None
        if key is None or expires < self._clock():
            raise _ended()
        if not hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), self._signature(key, text).encode()):
            raise _ended()
        return Session(key, csrf, expires)

    def _key_of(self, told: dict[str, Any]) -> AdminKey | None:
        if told["id"] == PROVIDER:
            return self._of_provider(told)
        return self._access.named(str(told["key"]), str(told["id"]))

    def of_provider(self, key: AdminKey) -> tuple[Session, str]:
        """The session of somebody an identity provider vouches for. Nothing tells us when that ends, so it is short."""
        session = Session(key, secrets.token_urlsafe(24), self._clock() + PROVIDER_S)
        return session, self._encoded(session)

    def now(self) -> float:
        """Epoch seconds."""
        return self._clock()

    def _of_provider(self, told: dict[str, Any]) -> AdminKey | None:
        """As it was when the session began; believed because the signature is checked."""
        role = read_role(told.get("role"))
        if role is None:
            return None
        return AdminKey(str(told["key"]), role, b"", Permit(role, groups=frozenset(told["groups"])), PROVIDER)

    def check_write(self, session: Session, presented: str | None) -> None:
        """Raises Refusal when a write does not come from a page of ours, or the key may only read."""
        self.check_token(session, presented)
        if not session.may_write:
            raise Refusal(Fault.FORBIDDEN, "this key may only look")

    def check_token(self, session: Session, presented: str | None) -> None:
        """Raises Refusal when a request with effects does not come from a page of ours."""
        if not hmac.compare_digest((presented or "").encode(), session.csrf.encode()):
            raise Refusal(Fault.FORBIDDEN, f"the header {CSRF_HEADER} is missing or not this session's")

    def _encoded(self, session: Session) -> str:
        key = session.key
        told = {"key": key.name, "id": key.key_id, "csrf": session.csrf, "expires": session.expires}
        if key.key_id == PROVIDER:
            told |= {"role": key.role, "groups": sorted(key.permit.groups)}
        text = base64.urlsafe_b64encode(orjson.dumps(told)).decode()
        return f"{text}.{self._signature(session.key, text)}"

    def _signature(self, key: AdminKey, text: str) -> str:
        """The key's digest is part of the secret: a key that is withdrawn or changed ends its sessions."""
        digest = b"" if key.key_id == PROVIDER else key.digest
        secret = self._access.secret(b"console session " + digest)
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _ended() -> Refusal:
    return Refusal(Fault.UNAUTHENTICATED, "sign in: there is no session, or it is over")
