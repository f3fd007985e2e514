"""Sets of IP addresses and ranges, asked in constant time per distinct prefix length."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from tollhouse.proto.expression import parse_networks


def read_address(text: str) -> tuple[int, int] | None:
    """``(version, number)`` of an address, None when it is none. IPv4 written inside IPv6 counts as IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version, int(address)


class AddressSet:
    """Addresses and CIDR ranges. Immutable; shared."""

    __slots__ = ("_v4", "_v6")

    def __init__(self, networks: Iterable[str]) -> None:
        """Raises ValueError naming the address that is wrong."""
        by_shift: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for network in parse_networks(list(networks)):
            shift = network.max_prefixlen - network.prefixlen
            by_shift[network.version].setdefault(shift, set()).add(int(network.network_address) >> shift)
        self._v4 = tuple((shift, frozenset(found)) for shift, found in sorted(by_shift[4].items()))
        self._v6 = tuple((shift, frozenset(found)) for shift, found in sorted(by_shift[6].items()))

    def __contains__(self, address: str) -> bool:
        parsed = read_address(address)
        return parsed is not None and self.has(*parsed)

    def has(self, version: int, number: int) -> bool:
        """The same for an address already read by ``read_address``."""
        tables = self._v4 if version == 4 else self._v6 if version == 6 else ()
        return any(number >> shift in found for shift, found in tables)
