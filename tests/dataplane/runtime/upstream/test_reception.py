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


async def test_a_trailer_after_a_large_body_is_no_long_trailer(receive):
    body = b"20000\r\n" + b"a" * 0x20000 + b"\r\n"
    reception, response = receive(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body + b"0\r\nx: 1\r\n\r\n"
    )
    assert (reception.complete, response.buffered) == (True, 0x20000)


@pytest.mark.parametrize("start", [b"0\r\nx: ", b"5;", b"0000"], ids=repr)
async def test_what_frames_a_body_and_never_ends_is_refused_before_it_fills_the_memory(receive, start):
    reception, _ = receive(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n" + start)
    for _ in range(MAX_HEAD_BYTES // 1000):
        reception.feed(b"0" * 1000)
    with pytest.raises(FramingError, match="chunk extensions or trailers"):
        reception.feed(b"0" * 1000)


async def test_a_body_in_small_chunks_may_have_more_framing_than_a_head(receive):
    reception, response = receive(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(200):
        for piece in (b"1;" + b"e" * 1000, b"\r\n", b"a", b"\r\n"):
            reception.feed(piece)
    assert response.buffered == 200


@pytest.mark.parametrize("framing", [b"content-length: 5", b"transfer-encoding: chunked"])
@pytest.mark.parametrize("status", [b"100 Continue", b"103 Early Hints"])
async def test_an_interim_answer_with_a_body_is_refused(receive, status, framing):
    with pytest.raises(FramingError, match="interim"):
        receive(b"HTTP/1.1 " + status + b"\r\n" + framing + b"\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


async def test_an_interim_answer_that_says_it_has_none_is_skipped(receive):
    _, response = receive(b"HTTP/1.1 100 C\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    assert (response.status, response.buffered) == (200, 2)


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


@pytest.mark.parametrize("cut", [0, 1000])
@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\r\nx: y\r\n\r\nhello"])
async def test_a_reason_without_end_is_refused(receive, cut, end):
    """Also when it comes at once, with its end, and a body."""
    long = b"HTTP/1.1 200 " + b"a" * MAX_HEAD_BYTES
    reception, _ = receive(long[:cut])
    with pytest.raises(FramingError, match="longer than"):
        reception.feed(long[cut:] + end)
    body = b"x" * (2 * MAX_HEAD_BYTES)
    reception, _ = receive(b"HTTP/1.1 200 Fine\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    assert reception.complete
