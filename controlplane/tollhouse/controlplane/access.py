"""Who may use the Admin API: keys of the environment, keys of ``admins`` objects, tokens of an identity provider."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from tollhouse.controlplane.permissions import Permit
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.proto.guessing import Guesses
from tollhouse.proto.resources.admin import MIN_KEY_CHARACTERS, Role

_log = logging.getLogger("tollhouse.controlplane.access")

MIN_KEY_LENGTH = MIN_KEY_CHARACTERS


@dataclass(frozen=True, slots=True, repr=False)
class AdminKey:
    """An identity with one of its keys; only the key's digest is kept, so that neither a log nor a core dump of this
    object gives it away."""

    name: str
    role: Role
    digest: bytes
    permit: Permit
    key_id: str = ""
    """Which of the identity's keys."""
    expires_at: float = 0.0
    """Epoch seconds; 0: never."""

    @classmethod
    def of(cls, key: str, role: Role, name: str = "") -> AdminKey:
        """Raises ValueError for a key too short to be one."""
        if len(key) < MIN_KEY_LENGTH:
            raise ValueError(f"the {role} key {name!r} has {len(key)} characters; at least {MIN_KEY_LENGTH} are needed")
        return cls(name or role, role, digest_of(key), Permit(role))

    def __repr__(self) -> str:
        return f"AdminKey({self.name!r}, {self.role!r})"


class Tokens(Protocol):
    """Reads bearer tokens of an identity provider."""

    async def identify(self, token: str) -> AdminKey:
        """Raises Refusal (UNAUTHENTICATED, or UNAVAILABLE when the provider's keys cannot be had)."""


class Access:
    """All admin keys of this process; shared by REST, gRPC and the console."""

    def __init__(
        self,
        keys: Iterable[AdminKey],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = tuple(keys)
        self._stored: tuple[AdminKey, ...] = ()
        self._clock = clock
        self._monotonic = monotonic
        self._guesses = Guesses()
        self.tokens: Tokens | None = None
        """Where bearer tokens are read; None: they are not taken."""

    def secret(self, purpose: bytes) -> bytes:
        """For signing what browsers keep: the same in all processes with the same keys in their environment, and known
        to nobody who reads only etcd."""
        given = b"".join(sorted(key.digest for key in self._given))
        return hashlib.sha256(b"tollhouse access v1 " + purpose + given).digest()

    def replace_stored(self, keys: Iterable[AdminKey]) -> None:
        """The keys of all ``admins`` objects, from now on."""
        self._stored = tuple(keys)

    def named(self, name: str, key_id: str = "") -> AdminKey | None:
        """The key of a name, None when it is no longer there, or over."""
        found = (key for key in self._all() if key.name == name and key.key_id == key_id)
        return next((key for key in found if not self._is_over(key)), None)

    async def identify(self, presented: str | None, authorization: str | None, address: str) -> AdminKey:
        """Who shows this key, or this ``Authorization``. Raises Refusal."""
        scheme, _, token = (authorization or "").partition(" ")
        if presented or self.tokens is None or scheme.lower() != "bearer":
            return self.check(presented, address=address)
        token = token.strip()
        mark = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        self._slow_down(address, "", mark)
        try:
            found = await self.tokens.identify(token)
        except Refusal as refusal:
            if refusal.fault is Fault.UNAUTHENTICATED:
                self._guesses.wrong(address, "", mark, self._monotonic())
            raise
        self._guesses.right(mark)
        return found

    def check(self, presented: str | None, *, reads_only: bool = True, address: str = "") -> AdminKey:
        """The key that was presented. Raises Refusal (401) with APISIX's reason as its text; SLOWED after too many
        wrong ones."""
        if not presented:
            raise Refusal(Fault.UNAUTHENTICATED, "missing apikey")
        digest = digest_of(presented)
        mark = digest.hex()
        self._slow_down(address, presented, mark)
        found: AdminKey | None = None
        for key in self._all():  # all of them, so that the time does not tell which one was near
            if hmac.compare_digest(key.digest, digest):
                found = key
        if found is None or self._is_over(found):
            self._guesses.wrong(address, presented, mark, self._monotonic())
            _log.warning("a wrong admin key was presented from %s", address or "somewhere")
            raise Refusal(Fault.UNAUTHENTICATED, "wrong apikey")
        self._guesses.right(mark)
        if not reads_only:
            found.permit.require("write", "*")
        return found

    def _slow_down(self, address: str, presented: str, mark: str) -> None:
        if not self._guesses.any:
            return
        wait_s = self._guesses.wait_s(address, presented, mark, self._monotonic())
        if wait_s > 0:
            text = f"too many wrong keys were tried; wait {wait_s:.0f} seconds"
            raise Refusal(Fault.SLOWED, text, wait_s)

    def _all(self) -> tuple[AdminKey, ...]:
        return self._given + self._stored

    def _is_over(self, key: AdminKey) -> bool:
        return 0 < key.expires_at <= self._clock()


def random_key() -> str:
    """A new admin key."""
    return secrets.token_urlsafe(32)


def digest_of(key: str) -> bytes:
    """As keys are kept and compared. They are random and long, so a plain hash is enough."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
