"""Where a node's own parts listen: etcd, Redis, its control and gRPC ports. Traffic is never sent there.

Who may write routes shall not become who may write everything: etcd takes JSON from whoever reaches it, the control
port tells everything, and both mostly stand on loopback, which stays open for local models.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from tollhouse.dataplane.redis_place import place_of_address
from tollhouse.dataplane.settings import OTHER_NODE, OWN_COUNTS, Settings

Resolve = Callable[[str, int], Awaitable[list[str]]]
_EVERYWHERE = frozenset(("", "0.0.0.0", "::", "localhost"))


def places_of(settings: Settings) -> list[tuple[str, int]]:
    """Host and port of each, as they were configured."""
    told = [settings.control_listen, settings.grpc_listen, settings.control_plane]
    if not settings.config:
        told += settings.etcd
    store = settings.budget_store
    if store.startswith(OTHER_NODE):
        told.append(store.removeprefix(OTHER_NODE))
    found = [place for one in told if (place := _place(one)) is not None]
    if store not in OWN_COUNTS and not store.startswith(OTHER_NODE):
        found += place_of_address(store).nodes
    return found


def _place(address: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        return (parts.hostname or "", parts.port) if parts.port else None
    except ValueError:
        return None


class OwnPlaces:
    """Answers whether an address is one of them. Names are resolved when asked, as they may move."""

    def __init__(self, places: Sequence[tuple[str, int]], resolve: Resolve) -> None:
        self._resolve = resolve
        self._hosts: dict[int, list[str]] = {}
        for host, port in places:
            self._hosts.setdefault(port, []).append(host)

    async def have(self, address: str, port: int) -> bool:
        """Whether one of them is meant; hardly any port is asked about for more than a look."""
        for host in self._hosts.get(port, ()):
            if host in _EVERYWHERE or _is_loopback(host):
                if _is_here(address):
                    return True
                continue
            try:
                theirs = await self._resolve(host, port)
            except OSError:
                theirs = []
            if address in theirs or (_is_here(address) and any(map(_is_here, theirs))):
                return True
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_here(address: str) -> bool:
    """Whether it is an address of this machine: one that can be bound."""
    try:
        plain = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(plain, ipaddress.IPv6Address) and plain.ipv4_mapped is not None:
        plain = plain.ipv4_mapped
    if plain.is_loopback or plain.is_unspecified:
        return True
    with socket.socket(socket.AF_INET6 if plain.version == 6 else socket.AF_INET) as trial:
        try:
            trial.bind((str(plain), 0))
        except OSError:
            return False
    return True
