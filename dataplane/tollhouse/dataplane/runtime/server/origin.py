"""Who asks, and whom: client addresses behind trusted proxies, and host names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from tollhouse.dataplane.runtime.server.target import Refused

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%25[\w.-]+)?\]|[\w.~!$&'()*+,;=-]*)(?::\d{0,5})?", re.ASCII)
_hosts: dict[str, str] = {}
_MAX_HOSTS = 4096

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def host_name(value: str) -> str:
    """The host of a Host header: lower case, without port and trailing dot. Raises Refused when it is none."""
    host = _hosts.get(value)
    if host is None:
        match = _HOST.fullmatch(value)
        if match is None:
            raise Refused(400, "invalid_host", "The Host header is not a host name.")
        host = match[1].lower().rstrip(".")
        if len(_hosts) < _MAX_HOSTS:
            _hosts[value] = host
    return host


class Proxies:
    """The proxies in front of us whose word counts."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """Raises ValueError naming what is not an address or network."""
        self._networks: list[Network] = []
        for text in trusted:
            try:
                self._networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError as error:
                raise ValueError(f"trusted_proxies: {text!r} is not an address or network: {error}") from None

    def trusts(self, address: str) -> bool:
        """Whether a peer is one of them."""
        if not self._networks:
            return False
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._networks if network.version == ip.version)

    def client(self, peer: str, headers: Mapping[str, str]) -> str:
        """The client's address as a trusted peer tells it: of X-Forwarded-For, read from the right, the first address
        that is no proxy of ours. What stands left of it is the client's own invention."""
        getall = getattr(headers, "getall", None)
        values = getall("x-forwarded-for", ()) if getall is not None else [headers.get("x-forwarded-for", "")]
        address = peer
        for part in reversed(",".join(values).split(",")):
            plain = plain_address(part.strip())
            if plain is None:
                break
            address = plain
            if not self.trusts(address):
                break
        return address


def plain_address(text: str) -> str | None:
    """An address without port, brackets, zone, and without IPv6 around an IPv4; None when it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if ip.version == 6 and ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ip)
