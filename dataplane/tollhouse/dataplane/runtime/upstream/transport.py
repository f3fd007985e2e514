"""The lean transport: one request over a pooled connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from tollhouse.dataplane.runtime.upstream.connection import Connection
from tollhouse.dataplane.runtime.upstream.dial import dial
from tollhouse.dataplane.runtime.upstream.framing import request_head
from tollhouse.dataplane.runtime.upstream.pool import Pool, PoolSettings
from tollhouse.dataplane.runtime.upstream.resolver import Resolver
from tollhouse.dataplane.runtime.upstream.response import LeanResponse
from tollhouse.dataplane.runtime.upstream.tls import ClientContexts, SessionContext, server_name
from tollhouse.dataplane.transport import Origin, Transport, TransportError, UpstreamRequest, UpstreamResponse

T = TypeVar("T")

_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that may be sent twice: nothing is changed and nothing is billed by them."""


class LeanTransport(Transport):
    """Pooled HTTP/1.1. One per worker, shared by all exchanges.

    When is a request sent again? A pooled connection that is known to be closed is never written to. When the server
    closes one just as we write (no byte of an answer seen), a GET, HEAD or OPTIONS with a whole body is sent once more
    on a fresh connection. Anything else is not: the server may have read it, worked on it, and billed it. The caller
    gets TransportError with ``request_sent`` and decides.
    """

    def __init__(
        self, settings: PoolSettings | None = None, *, ca_file: str | None = None, resolver: Resolver | None = None
    ) -> None:
        self._settings = settings or PoolSettings()
        self._contexts = ClientContexts(ca_file=ca_file)
        self._resolver = resolver or Resolver()
        self._pools: dict[Origin, Pool] = {}
        self._closed = False

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        origin, body = request.origin, request.body
        length = len(body) if isinstance(body, bytes) else None
        pool = self._pools.get(origin) or self._pool(origin)
        head = request_head(request.method, request.target, pool.authority, request.headers, length)
        connection = pool.take()
        used = connection is not None
        if connection is None:
            connection, used = await self._acquire(pool, request)
        response = connection.begin(request.method, head, body, request.timeouts)
        try:
            await response.head()
        except TransportError as error:
            if not (used and error.phase == "closed" and length is not None and request.method in _REPEATABLE):
                raise
            if response.begun or self._closed:
                raise
        except BaseException:
            response.close()
            raise
        else:
            return response
        return await self._send_again(pool, request, head)

    async def close(self) -> None:
        self._closed = True
        for pool in list(self._pools.values()):
            pool.close()
        self._pools.clear()
        await asyncio.sleep(0)  # let the sockets go before the loop does

    def census(self) -> dict[str, tuple[int, int]]:
        """``host:port`` -> (connections, idle ones), for status pages."""
        return {f"{origin.host}:{origin.port}": (pool.size, pool.idle) for origin, pool in self._pools.items()}

    async def _send_again(self, pool: Pool, request: UpstreamRequest, head: bytes) -> LeanResponse:
        connection = await self._within_connect_time(pool.fresh(), request)
        response = connection.begin(request.method, head, request.body, request.timeouts)
        try:
            await response.head()
        except BaseException:
            response.close()
            raise
        return response

    async def _acquire(self, pool: Pool, request: UpstreamRequest) -> tuple[Connection, bool]:
        return await self._within_connect_time(pool.acquire(), request)

    async def _within_connect_time(self, work: Awaitable[T], request: UpstreamRequest) -> T:
        limit = request.timeouts.connect_s
        try:
            async with asyncio.timeout(limit):
                return await work
        except TimeoutError:
            origin = request.origin
            pool = self._pools.get(origin)
            if pool is not None and pool.full:
                text = f"All {pool.size} connections to {origin.host}:{origin.port} were busy for {limit:g} s."
                raise TransportError("pool", text, timed_out=True) from None
            text = f"No connection to {origin.host}:{origin.port} within {limit:g} s."
            raise TransportError("connect", text, timed_out=True) from None

    def _refuse_closed(self) -> None:
        if self._closed:
            raise TransportError("closed", "The gateway is shutting down; nothing was sent.")

    def _pool(self, origin: Origin) -> Pool:
        pool = self._pools.get(origin)
        if pool is None:
            self._refuse_closed()

            async def open_one(pool: Pool) -> Connection:
                return await self._open(origin, pool)

            def forget(pool: Pool) -> None:
                if self._pools.get(origin) is pool:
                    del self._pools[origin]

            pool = Pool(self._settings, _authority(origin), asyncio.get_running_loop(), open_one, forget)
            self._pools[origin] = pool
        return pool

    async def _open(self, origin: Origin, pool: Pool) -> Connection:
        self._refuse_closed()
        context: SessionContext | None = self._contexts.of(origin) if origin.scheme == "https" else None
        addresses = await self._resolver.resolve(origin.host, origin.port)
        connection = await dial(origin, addresses, context, pool.make)
        if self._closed:
            connection.abandon()
            self._refuse_closed()
        if context is not None:
            connection.on_first_answer = _Remember(context, server_name(origin))
        return connection


class _Remember:
    """Keeps the TLS session of a connection once the server has answered: TLS 1.3 sends tickets after the handshake."""

    __slots__ = ("_context", "_name")

    def __init__(self, context: SessionContext, name: str) -> None:
        self._context = context
        self._name = name

    def __call__(self, transport: asyncio.Transport) -> None:
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._context.remember(self._name, tls.session)


def _authority(origin: Origin) -> str:
    host = f"[{origin.host}]" if ":" in origin.host and not origin.host.startswith("[") else origin.host
    default = 443 if origin.scheme == "https" else 80
    return host if origin.port == default else f"{host}:{origin.port}"
