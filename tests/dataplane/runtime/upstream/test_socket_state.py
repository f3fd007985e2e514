"""What a socket tells before the loop does."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tollhouse.dataplane.runtime.upstream.socket_state import readable, undelivered


@pytest.fixture
async def both_ends():
    """A transport that reads nothing, and the socket at its other end."""
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs = listener.accept()[0]
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    transport.pause_reading()
    yield transport, theirs
    transport.abort()
    theirs.close()
    listener.close()


async def test_bytes_and_the_end_are_seen_before_they_are_read(both_ends):
    transport, theirs = both_ends
    assert not readable(transport)
    theirs.send(b"x")
    assert readable(transport)


async def test_an_end_is_seen(both_ends):
    transport, theirs = both_ends
    theirs.close()
    assert readable(transport)


@pytest.mark.parametrize("size", [1_000_000, 20_000_000])
async def test_what_the_other_side_has_not_taken_is_undelivered(both_ends, size):
    transport, theirs = both_ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    assert not undelivered(transport)
    transport.write(b"x" * size)
    assert undelivered(transport)
    theirs.setblocking(False)
    left = size
    async with asyncio.timeout(5):
        while left:
            left -= len(await asyncio.get_running_loop().sock_recv(theirs, 1 << 20))
        while undelivered(transport):
            await asyncio.sleep(0.01)


async def test_a_transport_without_a_socket_has_delivered_what_it_does_not_hold():
    class Held(asyncio.Transport):
        def get_write_buffer_size(self) -> int:
            return 0

    assert not undelivered(Held())
    assert not readable(Held())
