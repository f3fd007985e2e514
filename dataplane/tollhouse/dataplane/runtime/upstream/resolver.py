"""Names to addresses, remembered for a while and kept beyond it when DNS is down."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

from tollhouse.dataplane.transport import TransportError
from tollhouse.proto.reachable import ALLOWED, Reachable

TTL_S = 30.0
"""``getaddrinfo`` does not tell a record's own time to live."""
STALE_S = 600.0
"""How long an old answer serves while DNS fails."""


@dataclass(slots=True)
class _Entry:
    addresses: tuple[str, ...]
    fresh_until: float
    stale_until: float
    turn: int = 0


class Resolver:
    """Resolves host names. One per transport; concurrent questions for one name are asked once."""

    def __init__(self, *, ttl_s: float = TTL_S, stale_s: float = STALE_S, reachable: Reachable | None = None) -> None:
        self._reachable = reachable or Reachable.from_environment()
        self._ttl_s = ttl_s
        self._stale_s = stale_s
        self._entries: dict[str, _Entry] = {}
        self._asking: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """Addresses to try, in order: families alternate, and each call starts with another one of its family so that
        load spreads. Raises TransportError (phase ``dns``), also when none of them may be reached."""
        found = await self._known(host, port)
        open_ = tuple(address for address in found if self._reachable.may(address))
        if not open_:
            raise TransportError(
                "dns", f"The address of {host!r} is not one a node may connect to; {ALLOWED} can make an exception."
            )
        return open_

    async def _known(self, host: str, port: int) -> tuple[str, ...]:
        entry = self._entries.get(host)
        now = asyncio.get_running_loop().time()
        if entry is not None and now < entry.fresh_until:
            return _turned(entry)
        literal = host.strip("[]").partition("%")[0]
        try:
            ipaddress.ip_address(literal)
        except ValueError:
            pass
        else:
            self._entries[host] = _Entry((host.strip("[]"),), now + 86400.0, now + 86400.0)
            return (host.strip("[]"),)
        task = self._asking.get(host)
        if task is None:
            task = self._asking[host] = asyncio.create_task(self._ask(host, port), name=f"dns {host}")
            task.add_done_callback(lambda done: self._asked(host, done))
        try:
            await asyncio.shield(task)
        except OSError as error:
            if entry is not None and now < entry.stale_until:
                return _turned(entry)
            raise TransportError("dns", f"The name {host!r} cannot be resolved: {error.strerror or error}.") from error
        return _turned(self._entries[host])

    async def lookup(self, host: str, port: int) -> list[str]:
        """Ask the system. Raises OSError."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            raise OSError(f"not a host name: {error}") from error
        return [str(item[4][0]) for item in found]

    async def _ask(self, host: str, port: int) -> tuple[str, ...]:
        addresses = tuple(dict.fromkeys(await self.lookup(host, port)))
        if not addresses:
            raise OSError("it has no address")
        now = asyncio.get_running_loop().time()
        self._entries[host] = _Entry(_interleaved(addresses), now + self._ttl_s, now + self._ttl_s + self._stale_s)
        return addresses

    def _asked(self, host: str, task: asyncio.Task[tuple[str, ...]]) -> None:
        self._asking.pop(host, None)
        if not task.cancelled():
            task.exception()  # those who waited have seen it; nobody else needs to


def _interleaved(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """IPv6 and IPv4 in turn, beginning with the system's first choice (RFC 8305 section 4)."""
    first_is_v6 = ":" in addresses[0]
    preferred = [address for address in addresses if (":" in address) == first_is_v6]
    others = [address for address in addresses if (":" in address) != first_is_v6]
    mixed: list[str] = []
    while preferred or others:
        if preferred:
            mixed.append(preferred.pop(0))
        if others:
            mixed.append(others.pop(0))
    return tuple(mixed)


def _turned(entry: _Entry) -> tuple[str, ...]:
    addresses = entry.addresses
    if len(addresses) == 1:
        return addresses
    entry.turn += 1
    family = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    first = family[entry.turn % len(family)]
    return (first, *(address for address in addresses if address != first))
