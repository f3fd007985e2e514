"""Resolves what a config writes in place of a secret: references and sealed values."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Mapping

import msgspec
from tollhouse.dataplane.errors import GatewayFault
from tollhouse.dataplane.services import Secrets
from tollhouse.proto import sealing
from tollhouse.proto.own_settings import ALLOWED_VARIABLES, may_name_variable

log = logging.getLogger("tollhouse.secrets")


def digest_key(sealing_key: str) -> bytes:
    """What keys the digests in verdicts: derived from the fleet's first sealing key, or random without one."""
    first = sealing_key.partition(",")[0].strip()
    if not first:
        return os.urandom(32)
    return hmac.new(first.encode(), b"tollhouse verdicts", hashlib.sha256).digest()


class NodeSecrets(Secrets):
    """The environment of this process, the operator's sealing keys, and what secret stores told."""

    def __init__(self, sealing_key: str = "", environ: Mapping[str, str] | None = None) -> None:
        """Raises ``sealing.SealingError`` when the key is not usable."""
        self._sealer = sealing.Sealer.from_text(sealing_key)
        self._environ = os.environ if environ is None else environ
        self._values: dict[str, str] = {}
        self._faults: dict[str, str] = {}

    def learn(self, values: Mapping[str, str], faults: Mapping[str, str]) -> None:
        """What ``$secret://`` references stand for from now on, and why others stand for nothing."""
        self._values, self._faults = dict(values), dict(faults)

    def reveal(self, text: str) -> str:
        """See the port. Scheme names are not case-sensitive (APISIX)."""
        if not text.startswith("$"):
            return text
        scheme = text[:10].lower()
        if scheme.startswith("$env://"):
            return self._from_environment(text)
        if scheme.startswith(sealing.SEALED):
            try:
                return self._sealer.open(text)
            except sealing.SealingError as error:
                raise _unavailable(str(error)) from None
        if scheme.startswith("$secret://"):
            return self._from_store(text)
        return text

    def _from_store(self, text: str) -> str:
        """Workers do not ask secret stores; the node's supervisor does, and tells them."""
        value = self._values.get(text)
        if value is None:
            raise _unavailable(f"{text}: {self._faults.get(text, 'it has not been fetched yet')}")
        return value

    def _from_environment(self, text: str) -> str:
        name, _, key = text[7:].partition("/")
        if not may_name_variable(name, self._environ):
            raise _unavailable(f"{text}: {name} is no variable a configuration may use ({ALLOWED_VARIABLES})")
        value = self._environ.get(name)
        if value is None:
            raise _unavailable(f"{text}: there is no environment variable {name} on this node")
        if not key:
            return value
        try:
            fields = msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise _unavailable(f"{text}: the environment variable {name} does not hold JSON") from None
        inner = fields.get(key) if isinstance(fields, dict) else None
        if inner is None:
            raise _unavailable(f"{text}: the JSON in the environment variable {name} has no field {key!r}")
        return inner if isinstance(inner, str) else msgspec.json.encode(inner).decode()


def _unavailable(reason: str) -> GatewayFault:
    log.warning("secret unavailable: %s", reason)
    return GatewayFault("secret_unavailable", f"A secret of the configuration cannot be resolved: {reason}.")
