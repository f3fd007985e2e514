"""Who may use the Admin API: keys, roles, and a comparison that tells nothing by its duration."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tollhouse.controlplane.service.refusal import Fault, Refusal

Role = Literal["admin", "viewer"]

MIN_KEY_LENGTH = 16


@dataclass(frozen=True, slots=True, repr=False)
class AdminKey:
    """One key; only its digest is kept, so that neither a log nor a core dump of this object gives it away."""

    name: str
    role: Role
    digest: bytes

    @classmethod
    def of(cls, key: str, role: Role, name: str = "") -> AdminKey:
        """Raises ValueError for a key too short to be one."""
        if len(key) < MIN_KEY_LENGTH:
            raise ValueError(f"the {role} key {name!r} has {len(key)} characters; at least {MIN_KEY_LENGTH} are needed")
        return cls(name or role, role, _digest(key))

    def __repr__(self) -> str:
        return f"AdminKey({self.name!r}, {self.role!r})"


class Access:
    """All admin keys of this process; shared by REST and gRPC."""

    def __init__(self, keys: Iterable[AdminKey]) -> None:
        self._keys = tuple(keys)

    def named(self, name: str) -> AdminKey | None:
        """The key of a name, None when it is no longer there."""
        return next((key for key in self._keys if key.name == name), None)

    def check(self, presented: str | None, *, reads_only: bool) -> AdminKey:
        """The key that was presented. Raises Refusal (401) with APISIX's reason as its text."""
        if not presented:
            raise Refusal(Fault.UNAUTHENTICATED, "missing apikey")
        digest = _digest(presented)
        found: AdminKey | None = None
        for key in self._keys:  # all of them, so that the time does not tell which one was near
            if hmac.compare_digest(key.digest, digest):
                found = key
        if found is None:
            raise Refusal(Fault.UNAUTHENTICATED, "wrong apikey")
        if found.role == "viewer" and not reads_only:
            raise Refusal(Fault.FORBIDDEN, "invalid method for role viewer")
        return found


def random_key() -> str:
    """A new admin key."""
    return secrets.token_urlsafe(32)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
