"""The traffic server: listening sockets, the connections behind them, and their end."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from aiohttp.web import Server
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.runtime.server.connection import ClientConnection
from tollhouse.dataplane.runtime.server.intake import Intake
from tollhouse.dataplane.runtime.server.output import date_line
from tollhouse.dataplane.runtime.server.settings import ServerSettings
from tollhouse.dataplane.runtime.server.target import Refused
from tollhouse.dataplane.runtime.server.tls import ServerContexts

log = logging.getLogger("tollhouse.server")

_BACKLOG = 4096
_READ_BUFFER = 256 * 1024
"""Request bodies up to twice this are taken in without pausing: coding agents send 100 to 300 KB."""


class Gateway(Protocol):
    """What answers."""

    @property
    def snapshot(self) -> Any:
        """The current configuration; its ``ssls`` maps ids to (mod_revision, Ssl)."""

    async def answer(self, ex: Exchange) -> Reply:
        """Never raises but CancelledError."""

    def begin(self, ex: Exchange) -> Reply | None:
        """The head of a streamed reply while ``answer`` is still at it; None where it may still be anything."""

    def finish(self, ex: Exchange) -> None:
        """Called exactly once per ``answer``."""


class Listening(Server):
    """aiohttp's low-level server, making our connections. One per TrafficServer."""

    def __init__(self, gateway: Gateway, settings: ServerSettings, contexts: ServerContexts) -> None:
        super().__init__(_unused, handler_cancellation=True)
        self.gateway = gateway
        self.settings = settings
        self.intake = Intake(settings)
        self.date = date_line()
        self.contexts = contexts

    def __call__(self) -> ClientConnection:
        limit = min(self.settings.max_header_bytes, 64 * 1024)
        return ClientConnection(
            self,
            loop=self._loop,
            keepalive_timeout=0,  # ``look`` does that
            access_log=None,
            max_line_size=limit,
            max_field_size=limit,
            max_headers=self.settings.max_headers,
            read_bufsize=_READ_BUFFER,
            auto_decompress=False,
        )

    @property
    def full(self) -> bool:
        """Whether there are more connections than there may be."""
        return len(self._connections) > self.settings.max_connections

    def all(self) -> list[ClientConnection]:
        """The open connections."""
        return [one for one in self._connections if isinstance(one, ClientConnection)]

    def check_client(self, tls: ssl.SSLObject) -> Refused | None:
        """Why a TLS client may not ask anything, if it may not."""
        return self.contexts.check_client(tls)

    def check_host(self, connection: ClientConnection, host: str) -> None:
        """Raises Refused when the host of a request wants client certificates and the connection was made under
        another name, which does not."""
        if self.contexts.any_client_ca and connection.transport is not None:
            self.contexts.check_host(connection.transport.get_extra_info("ssl_object"), host)


class TrafficServer:
    """Serves a gateway on sockets. Started once, drained once."""

    def __init__(
        self, gateway: Gateway, settings: ServerSettings | None = None, *, reveal: Callable[[str], str] = str
    ) -> None:
        """``reveal`` resolves sealed private keys and secret references (``Secrets.reveal``)."""
        self._gateway = gateway
        self._settings = settings or ServerSettings()
        self.contexts = ServerContexts(lambda: gateway.snapshot.ssls, reveal)
        self._listening: Listening | None = None
        self._servers: list[asyncio.Server] = []
        self._watch: asyncio.Task[None] | None = None

    async def start(self, sockets: Iterable[socket.socket], tls_sockets: Iterable[socket.socket] = ()) -> None:
        """Accept connections; those on ``tls_sockets`` speak TLS with certificates from ``ssls``."""
        loop = asyncio.get_running_loop()
        listening = self._listening = Listening(self._gateway, self._settings, self.contexts)
        for sock in sockets:
            self._servers.append(await loop.create_server(listening, sock=sock, backlog=_BACKLOG))
        for sock in tls_sockets:
            self._servers.append(
                await loop.create_server(
                    listening, sock=sock, backlog=_BACKLOG, ssl=self.contexts.base, ssl_handshake_timeout=10.0
                )
            )
        self._watch = asyncio.create_task(self._look_around(listening), name="server watch")

    @property
    def connections(self) -> int:
        """Open client connections."""
        return len(self._listening.all()) if self._listening is not None else 0

    @property
    def exchanges(self) -> int:
        """Exchanges under way."""
        return sum(one.busy for one in self._listening.all()) if self._listening is not None else 0

    async def drain(self, timeout_s: float) -> None:
        """Stop accepting, let running replies finish, then end what is left."""
        await asyncio.sleep(0)  # connections the kernel has accepted already are taken in first
        for server in self._servers:
            server.close()
        if self._listening is None:
            return
        for connection in self._listening.all():
            connection.drain()
        await _wait(self._listening, timeout_s)
        left = self._listening.all()
        if left and timeout_s:
            log.warning("connections cut at the end of draining", extra={"connections": len(left)})
        for connection in left:
            connection.cancel()
        await _wait(self._listening, 1.0)
        if self._watch is not None:
            self._watch.cancel()

    async def close(self) -> None:
        """Stop at once."""
        await self.drain(0.0)

    async def _look_around(self, listening: Listening) -> None:
        """Once a second, or as often as the shortest timeout needs: what takes too long ends, the date goes on."""
        limits = self._settings
        shortest = min(limits.header_timeout_s, limits.body_timeout_s, limits.idle_timeout_s, limits.send_timeout_s)
        if limits.keepalive_s:
            shortest = min(shortest, limits.keepalive_s)
        pause_s = min(1.0, max(shortest / 4, 0.01))
        while True:
            await asyncio.sleep(pause_s)
            listening.date = date_line()
            self.contexts.refresh()
            now = asyncio.get_running_loop().time()
            for connection in listening.all():
                connection.look(now)


async def _wait(listening: Listening, timeout_s: float) -> None:
    tasks = [one.task for one in listening.all() if one.task is not None]
    if tasks:
        await asyncio.wait(tasks, timeout=timeout_s)


async def _unused(_: Any) -> Any:
    raise RuntimeError("ClientConnection answers by itself")
