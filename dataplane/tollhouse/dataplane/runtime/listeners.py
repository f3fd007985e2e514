"""Listening sockets: reserved by the supervisor, opened by each worker on the same port (SO_REUSEPORT)."""

from __future__ import annotations

import socket

from tollhouse.dataplane.settings import split_address

BACKLOG = 1024


class PortTaken(Exception):
    """An address cannot be listened on; the text says which and why."""


def reserve(address: str) -> socket.socket:
    """Hold a port without listening on it: finds out early that it is taken, and which one port 0 became. A bound
    socket that does not listen gets no connections. Raises PortTaken."""
    # Sharing would succeed beside another node of the same user, and the two would steal each other's connections.
    own(address).close()
    return _bind(address, shared=True)


def own(address: str) -> socket.socket:
    """A bound socket nobody shares. Raises PortTaken."""
    return _bind(address, shared=False)


def open_listener(address: str) -> socket.socket:
    """A worker's own listening socket; the kernel spreads connections over the workers. Raises PortTaken."""
    listener = _bind(address, shared=True)
    listener.listen(BACKLOG)
    return listener


def address_of(bound: socket.socket) -> str:
    """``host:port`` as it was bound."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable_address(address: str, hostname: str) -> str:
    """The address others can use: the host name in place of "all interfaces"."""
    host, port = split_address(address)
    if host in ("0.0.0.0", "::", "*"):
        return f"{hostname}:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bind(address: str, *, shared: bool) -> socket.socket:
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise PortTaken(f"cannot listen on {address}: {error.strerror or error}") from None
    family, kind, protocol, _, where = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host in ("::", "*") else 1)
        bound.bind(where)
    except OSError as error:
        bound.close()
        raise PortTaken(f"cannot listen on {address}: {error.strerror or error}") from None
    bound.setblocking(False)
    return bound
