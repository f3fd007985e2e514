"""A response off the wire, without a wire."""

from __future__ import annotations

import asyncio

import pytest
from tollhouse.dataplane.runtime.upstream.framing import MAX_HEAD_BYTES, FramingError
from tollhouse.dataplane.runtime.upstream.reception import Reception
from tollhouse.dataplane.runtime.upstream.response import LeanResponse


@pytest.fixture
async def receive():
    def play(stream: bytes, method: str = "POST") -> tuple[Reception, LeanResponse]:
        reception = Reception()
        response = LeanResponse(None, asyncio.get_running_loop())
        reception.expect(method, response)
        reception.feed(stream)
        return reception, response

    return play


async def test_a_complete_answer_says_whether_the_connection_lives_on(receive):
    reception, response = receive(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    assert (reception.complete, reception.keep_alive, reception.excess) == (True, True, False)
    assert (response.status, response.buffered) == (200, 2)
    reception, _ = receive(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok")
    assert not reception.keep_alive


async def test_an_answer_without_length_lasts_until_the_end(receive):
    reception, response = receive(b"HTTP/1.1 200 OK\r\n\r\nsome")
    assert (reception.complete, reception.until_close, response.buffered) == (False, True, 4)


async def test_trailers_are_dropped(receive):
    _, response = receive(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-late: 1\r\n\r\n")
    assert response.header("x-late") is None


async def test_trailers_without_end_are_refused(receive):
    line = b"x: " + b"a" * 1000 + b"\r\n"
    with pytest.raises(FramingError):
        receive(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + line * 200)


async def test_interim_answers_without_end_are_refused(receive):
    with pytest.raises(FramingError):
        receive(b"HTTP/1.1 100 Continue\r\n\r\n" * 20)


async def test_a_head_without_end_is_refused_before_it_fills_the_memory(receive):
    with pytest.raises(FramingError):
        receive(b"HTTP/1.1 200 OK\r\nx: " + b"a" * (MAX_HEAD_BYTES + 1))


async def test_an_answer_to_head_is_followed_by_another(receive):
    reception, _ = receive(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "HEAD")
    assert reception.complete
    response = LeanResponse(None, asyncio.get_running_loop())
    reception.expect("GET", response)
    reception.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    assert (response.status, response.buffered) == (200, 2)
