"""What a caller sees of a response while it arrives."""

from __future__ import annotations

import asyncio

import pytest
from tollhouse.dataplane.runtime.upstream.response import LeanResponse
from tollhouse.dataplane.transport import TransportError


@pytest.fixture
async def response():
    made = LeanResponse(None, asyncio.get_running_loop())
    made.begin(200, [("content-type", "text/plain"), ("x", "1"), ("x", "2")])
    return made


async def test_a_chunk_is_everything_that_has_arrived(response):
    response.feed(b"one")
    response.feed(b"two")
    assert await response.chunk() == b"onetwo"
    response.feed(b"three")
    response.finish()
    assert await response.read(100) == b"three"
    assert await response.chunk() == b""


async def test_what_came_before_a_failure_can_still_be_read(response):
    response.feed(b"half")
    response.fail(TransportError("closed", "gone"))
    assert await response.chunk() == b"half"
    with pytest.raises(TransportError, match="gone"):
        await response.chunk()


async def test_the_first_of_repeated_headers_counts(response):
    assert response.header("x") == "1"
    assert response.header("y") is None


async def test_a_complete_response_survives_closing(response):
    response.finish()
    response.close()
    assert await response.chunk() == b""
