"""Request bodies and their limits."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib

import pytest
from tollhouse.dataplane.runtime.server.body import decompress


def size(reply):
    return json.loads(reply[2])["size"]


@pytest.mark.parametrize("length", [0, 1, 70_000, 3_000_000])
async def test_bodies_of_any_length_are_read_whole(serve, connect, post, length):
    client = await connect(await serve())
    await client.send(post(b"x" * length))
    assert size(await client.reply()) == length
    await client.send(post(b"y"))
    assert size(await client.reply()) == 1


async def test_a_chunked_body_is_read(serve, connect):
    client = await connect(await serve())
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    for piece in (b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n"):
        await client.send(piece)
        await asyncio.sleep(0.01)
    assert size(await client.reply()) == 5


async def test_a_body_over_the_limit_is_refused_before_it_is_sent(serve, connect, gateway):
    client = await connect(await serve(max_body_bytes=1_000_000))
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\n")
    status, headers, _ = await client.reply()
    assert status == 413
    assert headers["connection"] == "close"


async def test_a_chunked_body_over_the_limit_is_refused_on_its_way(serve, connect):
    client = await connect(await serve(max_body_bytes=100))
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n80\r\n" + b"x" * 128 + b"\r\n")
    assert (await client.reply())[0] == 413


async def test_a_body_that_stops_is_answered_408(serve, connect):
    client = await connect(await serve(body_timeout_s=0.1))
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc")
    assert (await client.reply())[0] == 408
    assert await client.closed()


async def test_a_body_that_drips_for_ever_is_answered_408(serve, connect):
    client = await connect(await serve(body_timeout_s=0.2, body_total_s=0.3))
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n")

    async def drip():
        while True:
            await client.send(b"x")
            await asyncio.sleep(0.03)

    dripping = asyncio.create_task(drip())
    assert (await client.reply())[0] == 408
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)


async def test_a_client_that_asks_first_is_told_to_go_on(serve, connect):
    client = await connect(await serve())
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
    assert await client.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(b"abc")
    assert size(await client.reply()) == 3


async def test_another_expectation_fails(serve, connect, post):
    client = await connect(await serve())
    await client.send(post(b"", "/", "expect: miracles"))
    assert (await client.reply())[0] == 417


@pytest.mark.parametrize("broken", [b"zz\r\n", b"3\r\nabcd\r\n"])
async def test_a_badly_chunked_body_is_the_clients_fault(serve, connect, gateway, broken):
    client = await connect(await serve())
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    await asyncio.sleep(0.01)
    await client.send(broken)
    assert (await client.reply())[0] == 400


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("identity", bytes),
    ],
)
async def test_compressed_bodies_are_unpacked_and_no_longer_called_so(serve, connect, gateway, post, encoding, encode):
    client = await connect(await serve())
    await client.send(post(encode(b"hello " * 1000), "/", f"content-encoding: {encoding}"))
    assert size(await client.reply()) == 6000
    assert "content-encoding" not in gateway.seen[0].headers


async def test_a_bomb_is_refused(serve, connect, post):
    client = await connect(await serve(max_body_bytes=100_000))
    await client.send(post(gzip.compress(b"\0" * 50_000_000), "/", "content-encoding: gzip"))
    assert (await client.reply())[0] == 413


async def test_an_unknown_encoding_is_refused_by_name(serve, connect, post):
    client = await connect(await serve())
    await client.send(post(b"x", "/", "content-encoding: br"))
    status, _, body = await client.reply()
    assert status == 415
    assert b"br" in body


@pytest.mark.parametrize("data", [b"junk", gzip.compress(b"x", mtime=0)[:-4], gzip.compress(b"x", mtime=0) + b"junk"])
async def test_what_is_not_compressed_as_said_is_refused(serve, connect, post, data):
    client = await connect(await serve())
    await client.send(post(data, "/", "content-encoding: gzip"))
    assert (await client.reply())[0] == 400


def test_several_gzip_members_make_one_body():
    assert decompress(gzip.compress(b"one") + gzip.compress(b"two"), 100) == b"onetwo"
