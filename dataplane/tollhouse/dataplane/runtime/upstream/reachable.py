"""Addresses a node never connects to, whatever a configuration, a request or a name server says.

Asked with the address of every connection, after the name was resolved, so that a name that turns to another address
between a check and its use gains nothing. Loopback and private networks are where local models are: they stay open.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NEVER = (
    "169.254.0.0/16",  # link-local: the metadata of AWS, Azure, Google, Oracle, DigitalOcean
    "fe80::/10",
    "fd00:ec2::/32",  # AWS over IPv6
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure's wire server
    "192.0.0.192/32",  # Oracle
)

ALLOWED = "TOLLHOUSE_REACHABLE"
"""Environment: networks that may be reached all the same, comma separated."""
REFUSED = "TOLLHOUSE_UNREACHABLE"
"""Environment: further networks that may not."""


class Reachable:
    """Which addresses may be connected to. Immutable."""

    def __init__(self, never: Sequence[str] = NEVER, allowed: Sequence[str] = ()) -> None:
        """Raises ValueError for what is no network."""
        self._never = [ipaddress.ip_network(one, strict=False) for one in never]
        self._allowed = [ipaddress.ip_network(one, strict=False) for one in allowed]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Reachable:
        """With what the operator changed. Raises ValueError naming the variable."""
        known = os.environ if environment is None else environment
        try:
            return cls((*NEVER, *_split(known.get(REFUSED, ""))), _split(known.get(ALLOWED, "")))
        except ValueError as error:
            raise ValueError(f"{ALLOWED}, {REFUSED}: {error}") from None

    def may(self, address: str) -> bool:
        """Whether a resolved address may be connected to."""
        try:
            plain = ipaddress.ip_address(address.strip("[]").partition("%")[0])
        except ValueError:
            return False
        if isinstance(plain, ipaddress.IPv6Address):
            plain = plain.ipv4_mapped or plain.sixtofour or plain
        if _within(plain, self._allowed):
            return True
        return not _within(plain, self._never)


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address.version == one.version and address in one for one in networks)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
