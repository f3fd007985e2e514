"""Foul answers of providers: what the lean client believes, aiohttp's parser reads in the same way or refuses.

Two readers of one answer that see different bodies are what smuggling is made of. ``make fuzz`` runs many more.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from itertools import pairwise

import pytest
from aiohttp import EMPTY_PAYLOAD
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError
from aiohttp.http_parser import HttpResponseParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.runtime.upstream.framing import FramingError
from tollhouse.dataplane.runtime.upstream.reception import Reception
from tollhouse.dataplane.runtime.upstream.response import LeanResponse

FUZZ = settings(
    max_examples=int(os.environ.get("TOLLHOUSE_FUZZ", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
STARTS = st.sampled_from(
    ["HTTP/1.1 200 OK"] * 3
    + ["HTTP/1.0 200 OK", "HTTP/1.1 204 No", "HTTP/1.1 304 N", "HTTP/1.1 100 C", "HTTP/1.1 103 E", "HTTP/1.1 200"]
)
HEADERS = st.sampled_from(
    ["content-length: 5", "content-length: 0", "content-length: 11", "Content-Length : 5", "content-length:5",
     "transfer-encoding: chunked", "Transfer-Encoding: Chunked", "transfer-encoding:\tchunked",
     "transfer-encoding: identity", "transfer-encoding: gzip, chunked", "connection: close", "connection: keep-alive",
     "upgrade: h2c", "connection: upgrade", "x: y", " folded", "\tfolded", "x:", "x: a\0", "keep-alive: timeout=5"]
)  # fmt: skip
ENDS = st.sampled_from(["\r\n"] * 12 + ["\n", "\r", "\r\r\n"])
BODIES = st.sampled_from(
    ["hello", "hello world", "5\r\nhello\r\n", "0\r\n\r\n", "0\r\nx: y\r\n\r\n", "5;a=b\r\nhello\r\n",
     "05\r\nhello\r\n", "5 \r\nhello\r\n", "5\r\nhello\n", "5\nhello\r\n", "0\n\n", "ffffffffffffffff\r\n",
     "5;\n\r\nhello\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nevil!"]
)  # fmt: skip
HEADS = st.tuples(STARTS, ENDS, st.lists(st.tuples(HEADERS, ENDS).map("".join), max_size=4).map("".join), ENDS).map(
    "".join
)
ANSWERS = st.tuples(
    st.lists(HEADS, min_size=1, max_size=2).map("".join), st.lists(BODIES, max_size=4).map("".join)
).map(lambda parts: "".join(parts).encode())


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Neither parser runs it; both want one."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


def lean(stream: bytes, cuts: list[int], loop: asyncio.AbstractEventLoop) -> bytes | None:
    """The body of an answer that ends with its connection; None when it is refused or not whole."""
    reception, response = Reception(), LeanResponse(None, loop)
    reception.expect("POST", response)
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    try:
        for start, end in pairwise(places):
            if end > start and not reception.complete:
                reception.feed(stream[start:end])
    except FramingError:
        return None
    whole = reception.complete or (reception.head_done and reception.until_close)
    return b"".join(response._chunks) if whole else None


def other(stream: bytes, loop: asyncio.AbstractEventLoop) -> bytes | None:
    """The same by aiohttp's parser."""
    parser = HttpResponseParser(BaseProtocol(loop), loop, 1 << 18, read_until_eof=True)
    try:
        messages = [one for one in parser.feed_data(stream)[0] if one[0].code >= 200]
        parser.feed_eof()
    except HttpProcessingError:
        return None
    if not messages:
        return None
    payload = messages[0][1]
    if payload is EMPTY_PAYLOAD:
        return b""
    return payload.read_nowait() if payload.is_eof() and payload.exception() is None else None


@FUZZ
@given(stream=ANSWERS, cuts=st.lists(st.integers(0, 200), max_size=3))
def test_no_answer_is_read_in_two_ways(stream: bytes, cuts: list[int], loop: asyncio.AbstractEventLoop) -> None:
    """Neither cut in another way, nor by another parser."""
    body = lean(stream, cuts, loop)
    assert lean(stream, [], loop) == body
    if body is not None:
        assert other(stream, loop) in (None, body)


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 204 No\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello", None),
    ],
)
def test_both_readers_read(stream: bytes, body: bytes | None, loop: asyncio.AbstractEventLoop) -> None:
    """What the comparison above is worth: both know what an answer is."""
    assert (lean(stream, [], loop), other(stream, loop)) == (body, body)
