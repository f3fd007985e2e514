"""The event loop of a node's processes: whatever connects in them, connects only to addresses that may be reached.

Providers, loggers, notifiers, stores of secrets and counts all have clients of their own; here they meet.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any

import uvloop
from tollhouse.dataplane.runtime.own_places import OwnPlaces
from tollhouse.proto.reachable import ALLOWED, Reachable


class GuardedLoop(uvloop.Loop):
    """uvloop, with every address looked at after it was resolved."""

    def __init__(self) -> None:
        super().__init__()
        self._reachable = Reachable.from_environment()
        self._own: OwnPlaces | None = None

    def keep_from(self, places: Sequence[tuple[str, int]]) -> None:
        """From now on connect to none of these (host and port), unless the operator made an exception."""

        async def resolve(host: str, port: int) -> list[str]:
            return [str(one[4][0]) for one in await self.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

        self._own = OwnPlaces(places, resolve)

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        """As asyncio's. Raises PermissionError when none of the host's addresses may be reached."""
        if not host:  # a socket that is connected already
            return await super().create_connection(protocol_factory, host, port, **more)
        if more.get("ssl") and more.get("server_hostname") is None:
            more["server_hostname"] = host
        refused: OSError | None = None
        for address in await self._open(str(host), port, socket.SOCK_STREAM):
            try:
                return await super().create_connection(protocol_factory, address, port, **more)
            except OSError as error:
                refused = refused or error
        assert refused is not None
        raise refused

    async def create_datagram_endpoint(
        self, protocol_factory: Any, local_addr: Any = None, remote_addr: Any = None, **more: Any
    ) -> Any:
        """As asyncio's. Raises PermissionError."""
        if remote_addr is not None:
            remote_addr = ((await self._open(remote_addr[0], remote_addr[1], socket.SOCK_DGRAM))[0], remote_addr[1])
        return await super().create_datagram_endpoint(protocol_factory, local_addr, remote_addr, **more)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """As asyncio's. Raises PermissionError."""
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            self._require(str(address[0]))
            await self._require_foreign([str(address[0])], address[1])
        await super().sock_connect(sock, address)

    async def _open(self, host: str, port: Any, kind: int) -> list[str]:
        """The host's addresses that may be reached; at least one. Raises OSError."""
        try:
            found = await self.getaddrinfo(host, port, type=kind)
        except UnicodeError as error:
            raise OSError(f"not a host name: {error}") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        open_ = [address for address in addresses if self._reachable.may(address)]
        if not open_:
            self._require(addresses[0] if addresses else "")
        await self._require_foreign(open_, port)
        return open_

    async def _require_foreign(self, addresses: list[str], port: Any) -> None:
        """Raises PermissionError where a part of the gateway listens."""
        if self._own is None:
            return
        for address in addresses:
            if not self._reachable.excepted(address) and await self._own.have(address, int(port or 0)):
                told = (
                    f"{address}:{port} is a part of the gateway itself, where no traffic is sent; {ALLOWED} excepts it"
                )
                raise PermissionError(errno.EACCES, told)

    def _require(self, address: str) -> None:
        if not self._reachable.may(address):
            told = f"{address} is an address no node connects to; {ALLOWED} can make an exception"
            raise PermissionError(errno.EACCES, told)
