"""Raw socket servers that misbehave on purpose, and the two transports that must cope."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop
from tollhouse.dataplane.runtime.upstream.aiohttp_transport import AiohttpTransport
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport
from tollhouse.dataplane.transport import Origin, Timeouts, Transport, UpstreamRequest

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Answers each request on a connection with the next bytes of ``answers``, or runs a script per connection."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed_by_client = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def origin(self) -> Origin:
        assert self._server is not None
        return Origin("http", "127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def answer(self, *answers: bytes, close: bool = False, cut: int = 0, pause_s: float = 0.0) -> RawServer:
        """Give the answers in turn, over all connections; ``cut``: in pieces of so many bytes."""
        left = list(answers)

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while left:
                if not await self.read_request(reader):
                    return
                data = left.pop(0)
                for start in range(0, len(data), cut or max(len(data), 1)):
                    writer.write(data[start : start + (cut or len(data))])
                    await writer.drain()
                    if cut:
                        await asyncio.sleep(pause_s)
                if close:
                    return
            await reader.read()
            self.closed_by_client.set()

        return await self.run(script)

    async def run(self, script: Script) -> RawServer:
        """Run a script per connection; the connection is closed when it returns."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await script(reader, writer)
            except (ConnectionError, asyncio.CancelledError):
                self.closed_by_client.set()
            finally:
                self._tasks.discard(task)
                writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        return self

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one request with its body; empty when the client left."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            self.closed_by_client.set()
            return b""
        body = b""
        lowered = head.lower()
        if b"content-length: " in lowered:
            body = await reader.readexactly(int(lowered.split(b"content-length: ")[1].split(b"\r\n")[0]))
        elif b"transfer-encoding: chunked" in lowered:
            body = await reader.readuntil(b"0\r\n\r\n")
        self.requests.append(head + body)
        return head + body

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """Workers run on uvloop; where there is none, asyncio's own loop must do."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def raw_server() -> AsyncIterator[RawServer]:
    server = RawServer()
    yield server
    if server._server is not None:
        await server.close()


@pytest.fixture
async def lean() -> AsyncIterator[LeanTransport]:
    transport = LeanTransport()
    yield transport
    await transport.close()


@pytest.fixture(params=["lean", "aiohttp"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    """Both implementations of the port."""
    made: Transport = LeanTransport() if request.param == "lean" else AiohttpTransport()
    yield made
    await made.close()


@pytest.fixture
def ask() -> Callable[..., UpstreamRequest]:
    def build(
        server: RawServer,
        method: str = "POST",
        body: bytes | AsyncIterator[bytes] = b"{}",
        target: str = "/v1/x",
        headers: tuple[tuple[str, str], ...] = (),
        **timeouts: float,
    ) -> UpstreamRequest:
        return UpstreamRequest(method, server.origin, target, headers, body, Timeouts(**timeouts))

    return build
