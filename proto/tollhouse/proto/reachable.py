"""Addresses a node never connects to, whatever a configuration, a request or a name server says.

Asked twice: when something is written, so that the writer learns which field is wrong, in whatever spelling; and with
the address of every connection, after the name was resolved, so that a name that turns to another address between the
check and its use gains nothing. Loopback and private networks are where local models are: they stay open.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import unicodedata
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NEVER = (
    "169.254.0.0/16",  # link-local: the metadata of AWS, Azure, Google, Oracle, DigitalOcean
    "fe80::/10",
    "fd00:ec2::/32",  # AWS over IPv6
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure's wire server
    "192.0.0.192/32",  # Oracle
)

NAMES = frozenset(("metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"))
"""What clouds call them."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")

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
        plain = _resolved(address)
        return plain is not None and (_within(plain, self._allowed) or not _within(plain, self._never))

    def excepted(self, address: str) -> bool:
        """Whether the operator said of a resolved address that it may be connected to."""
        plain = _resolved(address) if self._allowed else None
        return plain is not None and _within(plain, self._allowed)

    def may_name(self, host: str) -> bool:
        """Whether a host, as somebody wrote it, may stand in a configuration: False for the addresses above in any
        spelling that some resolver understands, and for the names clouds give them."""
        plain = unicodedata.normalize("NFKC", unquote(host)).strip().strip("[]").rstrip(".").lower()
        address = _read(plain)
        if address is not None:
            return self.may(address)
        if plain not in NAMES:
            return True
        return any(_within(ipaddress.ip_address("169.254.169.254"), [one]) for one in self._allowed)


def _resolved(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        plain = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return _inner(plain) if isinstance(plain, ipaddress.IPv6Address) else plain


def _read(host: str) -> str | None:
    """The address a host spells; None for a name. IPv4 may be written with fewer parts, in hex and in octal."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    if not host[:1].isdigit():
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address an IPv6 one stands for, else itself."""
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address.version == one.version and address in one for one in networks)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
