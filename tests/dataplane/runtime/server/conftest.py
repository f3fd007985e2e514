"""A traffic server on a free port with a small gateway behind it, and a raw client that sends any bytes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.runtime.server.settings import ServerSettings
from tollhouse.dataplane.runtime.server.traffic import TrafficServer


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """Workers run on uvloop; where there is none, asyncio's own loop must do."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class SmallGateway:
    """Answers by ``handler``; by default with what it saw. Keeps the exchanges it was told the end of."""

    def __init__(self) -> None:
        self.snapshot = SimpleNamespace(ssls={})
        self.handler: Callable[[Exchange], Awaitable[Reply]] = self.mirror
        self.finished: list[Exchange] = []
        self.seen: list[Exchange] = []

    async def answer(self, ex: Exchange) -> Reply:
        self.seen.append(ex)
        try:
            return await self.handler(ex)
        except GatewayError as error:
            return Reply(error.status, [("content-type", "application/json")], json.dumps(error.message).encode())

    def finish(self, ex: Exchange) -> None:
        self.finished.append(ex)

    async def mirror(self, ex: Exchange) -> Reply:
        body = await ex.read_body()
        told = {"method": ex.method, "path": ex.path, "query": ex.query, "host": ex.host, "size": len(body)}
        return Reply(200, [("content-type", "application/json")], json.dumps(told).encode())


class Client:
    """A raw connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        raw = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        lines = raw.decode().split("\r\n")
        return int(lines[0].split(" ")[1]), dict(line.split(": ", 1) for line in lines[1:] if line)

    async def reply(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        return status, headers, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        return await asyncio.wait_for(self.reader.read(), 5)

    async def closed(self) -> bool:
        try:
            return await self.rest() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


@pytest.fixture
def gateway() -> SmallGateway:
    return SmallGateway()


@pytest.fixture
async def serve(gateway: SmallGateway) -> AsyncIterator[Callable[..., Awaitable[TrafficServer]]]:
    servers = []

    async def start(**settings: Any) -> TrafficServer:
        server = TrafficServer(gateway, ServerSettings(**settings))
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        await server.start([sock])
        server.port = sock.getsockname()[1]  # type: ignore[attr-defined]
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[TrafficServer], Awaitable[Client]]]:
    clients = []

    async def open_one(server: TrafficServer) -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", server.port)))  # type: ignore[attr-defined]
        return clients[-1]

    yield open_one
    for client in clients:
        client.close()


def post(body: bytes = b"{}", path: str = "/v1/chat/completions", *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: gw.test:9080", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture(name="post")
def post_fixture() -> Callable[..., bytes]:
    return post


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture(name="until")
def until_fixture() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    return until
