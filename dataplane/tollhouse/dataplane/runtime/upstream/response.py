"""A response of the lean client, as its caller reads it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tollhouse.dataplane.transport import TransportError, UpstreamResponse

if TYPE_CHECKING:
    from tollhouse.dataplane.runtime.upstream.connection import Connection

LONGEST_READ_S = 600.0
"""A body that is wanted whole is through so long after it has begun, however small the pieces."""


class LeanResponse(UpstreamResponse):
    """One response while it arrives. The connection feeds it and forgets it once the response is complete, so what is
    buffered here stays readable after the connection went back to its pool. Belongs to one task."""

    __slots__ = (
        "_by_name",
        "_chunks",
        "_connection",
        "_error",
        "_loop",
        "_waiter",
        "begun",
        "buffered",
        "complete",
        "headers",
        "status",
    )

    def __init__(self, connection: Connection | None, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        """0 until the head has arrived."""
        self.headers: list[tuple[str, str]] = []
        self._by_name: dict[str, str] | None = None
        self.complete = False
        self.begun = False
        """Of a response that failed with its connection: whether any byte of it had come."""
        self._chunks: list[bytes] = []
        self.buffered = 0
        """Bytes the caller has not read yet."""
        self._waiter: asyncio.Future[None] | None = None
        self._error: TransportError | None = None
        self._connection: Connection | None = connection
        self._loop = loop

    # -- the caller's side

    def header(self, name: str) -> str | None:
        if self._by_name is None:
            self._by_name = dict(reversed(self.headers))  # of several the first counts
        return self._by_name.get(name)

    async def chunk(self) -> bytes:
        while True:
            chunks = self._chunks
            if chunks:
                data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
                chunks.clear()
                self.buffered = 0
                if self._connection is not None:
                    self._connection.resume()
                return data
            if self.complete:
                return b""
            if self._error is not None:
                raise self._error
            waiter = self._waiter = self._loop.create_future()  # as _wait does, without its coroutine: once per piece
            try:
                await waiter
            finally:
                self._waiter = None

    async def read(self, limit: int) -> bytes:
        first = await self.chunk()
        if len(first) <= limit and self.complete and not self._chunks:
            return first
        return await self._rest(first, limit)

    async def _rest(self, first: bytes, limit: int) -> bytes:
        pieces, size, piece = [first], len(first), first
        until = self._loop.time() + LONGEST_READ_S
        while piece:
            if size > limit:
                self.close()
                raise TransportError("size", f"The response is longer than {limit} bytes.", request_sent=True) from None
            if self._loop.time() > until:
                self.close()
                text = f"The response was not through {LONGEST_READ_S:g} s after it had begun."
                raise TransportError("total", text, timed_out=True, request_sent=True) from None
            piece = await self.chunk()
            size += len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        self._chunks.clear()
        self.buffered = 0
        if self.complete:
            return
        if self._error is None:
            self._error = TransportError("closed", "The response was closed by its reader.", request_sent=True)
        if connection is not None:
            connection.abandon()

    async def head(self) -> None:
        """Wait for status and headers. Raises TransportError."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait()

    # -- the connection's side

    def begin(self, status: int, headers: list[tuple[str, str]]) -> None:
        """The head is there."""
        self.status = status
        self.headers = headers
        self._by_name = None

    def feed(self, data: bytes) -> None:
        """A piece of the body."""
        self._chunks.append(data)
        self.buffered += len(data)

    def finish(self) -> None:
        """The response is complete; the connection is somebody else's from here on."""
        self.complete = True
        self._connection = None

    def fail(self, error: TransportError) -> None:
        """Nothing more will come. What was buffered before can still be read."""
        if self._error is None:
            self._error = error
        self._connection = None
        self.wake()

    def wake(self) -> None:
        """Let the caller look again."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    async def _wait(self) -> None:
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None
