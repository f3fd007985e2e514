"""The connections to one origin: the youngest idle one first, a bounded number altogether."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tollhouse.dataplane.runtime.upstream.connection import Connection
from tollhouse.dataplane.runtime.upstream.socket_state import readable
from tollhouse.dataplane.transport import TransportError


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Bounds of every pool of a transport."""

    max_connections: int = 2048
    """Per origin; further requests wait for one up to their connect timeout."""
    max_idle: int = 256
    idle_s: float = 20.0
    """Shorter than the servers' own (nginx 75 s, uvicorn 5 s says so by header), so that we close first."""
    lifetime_s: float = 300.0


class Pool:
    """Lends connections. Closed by itself when the last one is gone (``on_empty``)."""

    __slots__ = ("_idle", "_live", "_loop", "_on_empty", "_open", "_opening", "_settings", "_waiters", "authority")

    def __init__(
        self,
        settings: PoolSettings,
        authority: str,
        loop: asyncio.AbstractEventLoop,
        open_one: Callable[[Pool], Awaitable[Connection]],
        on_empty: Callable[[Pool], None],
    ) -> None:
        self._settings = settings
        self.authority = authority
        """Host and port as they stand in a Host header."""
        self._loop = loop
        self._open = open_one
        self._on_empty = on_empty
        self._idle: list[Connection] = []
        self._live: set[Connection] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()

    @property
    def size(self) -> int:
        """Connections open or being opened."""
        return len(self._live) + self._opening

    @property
    def idle(self) -> int:
        """Connections nobody uses."""
        return len(self._idle)

    def make(self) -> Connection:
        """A protocol that reports to this pool."""
        return Connection(self, self._loop, lifetime_s=self._settings.lifetime_s, idle_limit_s=self._settings.idle_s)

    def take(self) -> Connection | None:
        """An idle connection that still looks alive, without waiting."""
        now = self._loop.time()
        while self._idle:
            connection = self._idle.pop()
            if not connection.usable:
                continue
            # The loop may not have told yet that the server closed it, or sent an answer that would be taken for ours.
            if now >= connection.expires_at or _readable(connection):
                connection.abandon()
                continue
            return connection
        return None

    async def acquire(self) -> tuple[Connection, bool]:
        """A connection, and whether it was used before. Raises TransportError; the caller bounds the time."""
        while True:
            connection = self.take()
            if connection is not None:
                return connection, True
            if self.size < self._settings.max_connections:
                return await self._new(), False
            waiter: asyncio.Future[Connection | None] = self._loop.create_future()
            self._waiters.append(waiter)
            try:
                handed = await waiter
            except BaseException:
                if waiter.done() and not waiter.cancelled():  # woken and gone: the next one's turn
                    late = waiter.result()
                    if late is not None:
                        self.released(late)
                    else:
                        self._wake_one(None)
                raise
            if handed is not None and handed.usable:
                return handed, True

    async def fresh(self) -> Connection:
        """A connection that never carried a request, one beyond the bound if need be."""
        return await self._new()

    @property
    def full(self) -> bool:
        """Whether further requests have to wait."""
        return self.size >= self._settings.max_connections

    async def _new(self) -> Connection:
        self._opening += 1
        try:
            connection = await self._open(self)
        except BaseException:
            self._opening -= 1
            self._room()
            raise
        self._opening -= 1
        if not connection.usable or connection.spoken_on:  # lost between its making and now
            self._room()
            raise TransportError("connect", "The server closed the connection, or spoke on it, before it was asked.")
        self._live.add(connection)
        return connection

    # -- what connections report

    def released(self, connection: Connection) -> None:
        """A connection is free: hand it to who waits longest, or keep it."""
        if self._loop.time() < connection.expires_at and connection.usable:
            if self._wake_one(connection):
                return
            if len(self._idle) < self._settings.max_idle:
                connection.pooled()
                self._idle.append(connection)
                return
        connection.abandon()

    def lost(self, connection: Connection) -> None:
        """A connection is gone: room for another."""
        self._live.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._room()

    def close(self) -> None:
        """Close all connections, used or not."""
        for connection in list(self._live):
            connection.fail_closed()
        self._idle.clear()

    def _wake_one(self, connection: Connection | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _room(self) -> None:
        """A connection less. Whether the pool is empty shows when those this wakes have had their turn."""
        self._wake_one(None)
        self._loop.call_soon(self._check_empty)

    def _check_empty(self) -> None:
        if not self._live and not self._opening and not self._waiters:
            self._on_empty(self)


def _readable(connection: Connection) -> bool:
    """Whether a connection that should be silent is not: the server closed it, or sent bytes nobody asked for."""
    assert connection.transport is not None
    return readable(connection.transport)
