"""Whatever connects in a node's processes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import redis.asyncio
import uvloop
from tollhouse.dataplane.runtime.guarded_loop import GuardedLoop

HOSTS = ("169.254.169.254", "2852039166", "0xa9fea9fe", "::ffff:169.254.169.254")


def inside(run: Callable[[], Awaitable[Any]]) -> Any:
    """In a loop as nodes have it."""

    async def main() -> Any:
        return await run()

    return uvloop.run(main(), loop_factory=GuardedLoop)


@pytest.mark.parametrize("host", HOSTS)
def test_no_client_reaches_a_metadata_address(host: str) -> None:
    """Streams, datagrams, sockets, and the clients of others that use them."""

    async def datagram() -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, 80))

    async def plain() -> None:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (HOSTS[0] if ":" not in host else host, 80))

    for run in (lambda: asyncio.open_connection(host, 80), datagram, plain):
        with pytest.raises(PermissionError, match="TOLLHOUSE_REACHABLE"):
            inside(run)

    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(f"http://{f'[{host}]' if ':' in host else host}/")

    with pytest.raises(aiohttp.ClientError):
        inside(ask)
    with pytest.raises(redis.exceptions.ConnectionError, match="TOLLHOUSE_REACHABLE"):
        inside(lambda: redis.asyncio.Redis(host=host).ping())


def test_everything_else_is_as_before() -> None:
    """By name too, and what fails, fails as it did."""

    async def talk() -> bytes:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("localhost", port)
        said = await reader.read()
        writer.close()
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("localhost", port)
        return said

    assert inside(talk) == b"hello"
