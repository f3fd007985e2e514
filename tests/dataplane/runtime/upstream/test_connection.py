"""The lean connection under random bytes: it ends, one way or the other, with an answer or a TransportError."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.runtime.upstream.connection import READ_HIGH_WATER, Connection
from tollhouse.dataplane.transport import Timeouts, TransportError

WELL_FORMED = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello world",
    ]
)
PIECES = [b"HTTP/1.1 200 OK\r\n", b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"\r\n", b"\n", b"5\r\n"]
PIECES += [
    b"hello",
    b"0\r\n\r\n",
    b"HTTP/1.1 101 X\r\n",
    b"upgrade: h2c\r\n",
    b"connection: upgrade\r\n",
    b" x\r\n",
    b"\0",
]
NOISE = st.lists(st.one_of(st.binary(max_size=30), st.sampled_from(PIECES)), max_size=12).map(b"".join)


class Wire(asyncio.Transport):
    """A transport whose other end is the test."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self.paused = False
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def writelines(self, list_of_data: Any) -> None:
        self.written += b"".join(list_of_data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Owner:
    """Counts what the connection reports."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def released(self, connection: Connection) -> None:
        self.events.append("released")

    def lost(self, connection: Connection) -> None:
        self.events.append("lost")


async def play(stream: bytes, cuts: list[int], method: str = "POST") -> tuple[bytes | None, Owner, Wire]:
    """Feed a stream cut at the given places; the body, or None when it was refused."""
    wire, owner = Wire(), Owner()
    connection = Connection(owner, asyncio.get_running_loop(), lifetime_s=60, idle_limit_s=60)
    connection.connection_made(wire)
    response = connection.begin(method, b"POST / HTTP/1.1\r\n\r\n", b"", Timeouts())
    start = 0
    for end in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        if end > start and not wire.closed:
            connection.data_received(stream[start:end])
        start = end
    connection.eof_received()
    connection.connection_lost(None)
    try:
        await response.head()
        body = await response.read(1 << 20)
    except TransportError:
        return None, owner, wire
    return body, owner, wire


@settings(max_examples=300, deadline=None)
@given(stream=NOISE, cuts=st.lists(st.integers(0, 400), max_size=6), method=st.sampled_from(["POST", "GET", "HEAD"]))
def test_noise_never_hangs_or_raises_anything_but_a_transport_error(stream, cuts, method):
    asyncio.run(asyncio.wait_for(play(stream, cuts, method), 5))


@settings(max_examples=200, deadline=None)
@given(stream=WELL_FORMED, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_a_well_formed_answer_reads_the_same_however_it_is_cut(stream, cuts):
    body, _, _ = asyncio.run(play(stream, cuts))
    assert body == b"hello world"


@settings(max_examples=200, deadline=None)
@given(stream=WELL_FORMED, at=st.integers(0, 100), byte=st.binary(min_size=1, max_size=1))
def test_one_flipped_byte_never_hangs(stream, at, byte):
    at %= len(stream)
    asyncio.run(asyncio.wait_for(play(stream[:at] + byte + stream[at + 1 :], [at]), 5))


@settings(max_examples=100, deadline=None)
@given(tail=st.binary(min_size=1, max_size=40).filter(lambda tail: tail.strip(b"\r\n")))
def test_a_connection_with_bytes_to_spare_is_never_released(tail):
    stream = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" + tail
    body, owner, wire = asyncio.run(play(stream, []))
    assert body == b"ok"
    assert owner.events == ["lost"]
    assert wire.closed


async def test_reading_stops_at_the_high_water_mark_and_goes_on_when_read():
    wire = Wire()
    connection = Connection(Owner(), asyncio.get_running_loop(), lifetime_s=60, idle_limit_s=60)
    connection.connection_made(wire)
    response = connection.begin("GET", b"GET / HTTP/1.1\r\n\r\n", b"", Timeouts())
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n")
    connection.data_received(b"x" * (READ_HIGH_WATER + 1))
    assert wire.paused
    await response.chunk()
    assert not wire.paused
    connection.abandon()
    connection.connection_lost(None)


async def test_a_reader_that_gives_up_waiting_can_wait_again():
    connection = Connection(Owner(), asyncio.get_running_loop(), lifetime_s=60, idle_limit_s=60)
    connection.connection_made(Wire())
    response = connection.begin("GET", b"GET / HTTP/1.1\r\n\r\n", b"", Timeouts())
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
    try:
        await asyncio.wait_for(response.chunk(), 0.01)
    except TimeoutError:
        pass
    connection.data_received(b"ok")
    assert await response.read(10) == b"ok"


async def test_a_server_that_promises_a_short_idle_time_is_believed():
    connection = Connection(Owner(), asyncio.get_running_loop(), lifetime_s=60, idle_limit_s=60)
    connection.connection_made(Wire())
    connection.begin("GET", b"GET / HTTP/1.1\r\n\r\n", b"", Timeouts())
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: timeout=5, max=9\r\n\r\n")
    assert connection.idle_limit_s == 4.0
