"""Requests in, replies out, over real sockets."""

from __future__ import annotations

import asyncio
import json

import pytest
from tollhouse.dataplane.reply import Reply

GET = b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n"


async def test_a_request_is_answered_and_the_connection_kept(serve, connect, gateway, post):
    client = await connect(await serve())
    for number in (1, 2):
        await client.send(post(b"x" * 2000, "/v1/x?a=%20b"))
        status, headers, body = await client.reply()
        assert status == 200
        assert json.loads(body) == {
            "method": "POST",
            "path": "/v1/x",
            "query": "a=%20b",
            "host": "gw.test",
            "size": 2000,
        }
        assert "connection" not in headers
        assert headers["date"]
        assert len(gateway.finished) == number
    ex = gateway.finished[0]
    assert ex.reply.status == 200
    assert ex.reply_bytes > len(body)
    assert ex.first_reply_byte_s >= ex.received_s
    assert not ex.aborted
    assert ex.client_ip == "127.0.0.1"
    assert gateway.finished[0].id != gateway.finished[1].id


async def test_pipelined_requests_are_answered_in_order(serve, connect, gateway):
    client = await connect(await serve())
    await client.send(b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % n for n in range(50)))
    assert [json.loads((await client.reply())[2])["path"] for _ in range(50)] == [f"/{n}" for n in range(50)]


async def test_a_sane_request_id_is_kept_and_another_replaced(serve, connect, gateway, post):
    client = await connect(await serve())
    for given in ("abc-1", "bad id!", "x" * 500):
        await client.send(post(b"", "/", f"x-request-id: {given}"))
        await client.reply()
    assert gateway.seen[0].id == "abc-1"
    assert len(gateway.seen[1].id) == len(gateway.seen[2].id) == 24


async def test_a_head_request_gets_the_length_but_no_body(serve, connect):
    client = await connect(await serve())
    await client.send(b"HEAD /api/hello HTTP/1.1\r\nhost: a\r\n\r\n" + GET)
    status, headers = await client.head()
    assert status == 200
    assert int(headers["content-length"]) > 0
    assert (await client.reply())[0] == 200


@pytest.mark.parametrize("status", [204, 304])
async def test_replies_without_a_body_have_no_length(serve, connect, gateway, status):
    async def handler(ex):
        return Reply(status, [], b"ignored")

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    got, headers = await client.head()
    assert got == status
    assert "content-length" not in headers
    await client.send(GET)
    assert (await client.head())[0] == status


async def test_a_stream_is_sent_piece_by_piece(serve, connect, gateway):
    go = asyncio.Event()

    async def pieces():
        yield b"data: 1\n\n"
        yield b""
        await go.wait()
        yield b"data: 2\n\n"

    async def handler(ex):
        return Reply(200, [("content-type", "text/event-stream")], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    _, headers = await client.head()
    assert headers["transfer-encoding"] == "chunked"
    assert await client.reader.readuntil(b"\n\n\r\n") == b"9\r\ndata: 1\n\n\r\n"
    go.set()
    assert await client.reader.readuntil(b"0\r\n\r\n") == b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"
    assert gateway.finished[0].first_reply_byte_s is not None


async def test_old_clients_get_a_stream_that_ends_with_the_connection(serve, connect, gateway):
    async def pieces():
        yield b"one"
        yield b"two"

    async def handler(ex):
        return Reply(200, [], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(b"GET / HTTP/1.0\r\nhost: a\r\n\r\n")
    assert (await client.rest()).endswith(b"connection: close\r\n\r\nonetwo")


async def test_a_stream_that_breaks_never_ends_cleanly(serve, connect, gateway, until):
    async def pieces():
        yield b"data: 1\n\n"
        raise RuntimeError("the provider is gone")

    async def handler(ex):
        return Reply(200, [], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    try:
        rest = await client.rest()
    except ConnectionError:
        rest = b""
    assert b"0\r\n\r\n" not in rest
    await until(lambda: len(gateway.finished) == 1)
    assert isinstance(gateway.finished[0].error, RuntimeError)
    assert not gateway.finished[0].aborted


async def test_a_stream_that_breaks_is_seen_broken_by_old_clients_too(serve, connect, gateway):
    async def pieces():
        yield b"half of it"
        await asyncio.sleep(0.05)
        raise ConnectionError("the provider is gone")

    async def handler(ex):
        return Reply(200, [], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(b"GET / HTTP/1.0\r\nhost: a\r\n\r\n")
    with pytest.raises(ConnectionError):
        await client.rest()


async def test_a_head_does_not_wait_for_the_first_piece(serve, connect, gateway):
    go = asyncio.Event()

    async def pieces():
        await go.wait()
        yield b"late"

    async def handler(ex):
        return Reply(200, [], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    assert (await client.head())[0] == 200
    go.set()
    assert await client.reader.readuntil(b"0\r\n\r\n") == b"4\r\nlate\r\n0\r\n\r\n"


async def test_an_empty_stream_is_a_whole_reply(serve, connect, gateway):
    async def pieces():
        return
        yield b""

    async def handler(ex):
        return Reply(200, [], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET + GET)
    for _ in range(2):
        await client.head()
        assert await client.reader.readexactly(5) == b"0\r\n\r\n"


async def test_a_client_that_leaves_ends_the_stream_and_its_source(serve, connect, gateway, until):
    closed = asyncio.Event()

    async def pieces():
        try:
            while True:
                yield b"data: x\n\n"
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async def handler(ex):
        return Reply(200, [], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    await client.head()
    client.close()
    await asyncio.wait_for(closed.wait(), 2)
    await until(lambda: len(gateway.finished) == 1)
    assert gateway.finished[0].aborted


async def test_a_client_that_leaves_cancels_the_answer(serve, connect, gateway, until):
    cancelled = asyncio.Event()

    async def handler(ex):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Reply()

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    await until(lambda: len(gateway.seen) == 1)
    client.close()
    await asyncio.wait_for(cancelled.wait(), 2)
    await until(lambda: len(gateway.finished) == 1)
    assert gateway.finished[0].aborted


async def test_a_slow_client_slows_the_stream_down(serve, connect, gateway):
    given = 0

    async def pieces():
        nonlocal given
        while given < 64 * 1024 * 1024:
            given += 65536
            yield b"x" * 65536

    async def handler(ex):
        return Reply(200, [], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    await client.head()
    await asyncio.sleep(0.2)
    assert given < 32 * 1024 * 1024


async def test_a_client_that_takes_nothing_is_given_up(serve, connect, gateway, until):
    async def handler(ex):
        return Reply(200, [], b"x" * 64 * 1024 * 1024)

    gateway.handler = handler
    client = await connect(await serve(send_timeout_s=0.1))
    await client.send(GET)
    await until(lambda: len(gateway.finished) == 1)
    assert gateway.finished[0].aborted


async def test_a_large_reply_arrives_whole(serve, connect, gateway):
    async def handler(ex):
        return Reply(200, [], bytes(range(256)) * 10_000)

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    assert (await client.reply())[2] == bytes(range(256)) * 10_000


@pytest.mark.parametrize("value", ["a\r\nset-cookie: evil=1", "a\nb", "a\0b"])
async def test_a_header_that_would_split_the_reply_is_not_sent(serve, connect, gateway, value):
    async def handler(ex):
        return Reply(200, [("x-a", value)], b"hello")

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(GET)
    status, headers, _ = await client.reply()
    assert status == 500
    assert "set-cookie" not in headers
    assert await client.closed()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET x HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx y: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\nhost: a\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=repr,
)
async def test_bad_requests_are_refused_in_json_and_never_reach_the_gateway(serve, connect, gateway, request_bytes):
    client = await connect(await serve())
    await client.send(request_bytes)
    status, headers, body = await client.reply()
    assert status == 400
    assert headers["content-type"] == "application/json"
    assert "Traceback" not in body.decode()
    assert json.loads(body)["error"]["message"]
    assert gateway.seen == []
    assert await client.closed()


async def test_a_transfer_coding_beside_chunked_is_refused(serve, connect, gateway):
    """Its body would be handed on as something it is not."""
    client = await connect(await serve())
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
    status, _, body = await client.reply()
    assert (status, json.loads(body)["error"]["code"]) == (501, "transfer_encoding_not_served")
    assert gateway.seen == []


async def test_a_websocket_probe_is_told_to_stay_with_http(serve, connect, gateway):
    client = await connect(await serve())
    await client.send(
        b"GET /v1/responses HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )
    status, _, body = await client.reply()
    assert status == 426
    assert "HTTP" in json.loads(body)["error"]["message"]


async def test_a_proxy_request_line_is_understood_and_connect_refused(serve, connect, gateway):
    server = await serve()
    client = await connect(server)
    await client.send(b"GET http://Api.Test:80/a/../b?c HTTP/1.1\r\nhost: other\r\n\r\n")
    told = json.loads((await client.reply())[2])
    assert (told["path"], told["query"], told["host"]) == ("/b", "c", "api.test")
    await client.send(b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (await client.reply())[0] == 405


@pytest.mark.parametrize(
    "head",
    [
        b"x: " + b"a" * 70_000 + b"\r\n",
        b"".join(b"x%d: %b\r\n" % (n, b"a" * 1000) for n in range(100)),
        b"".join(b"x%d: a\r\n" % n for n in range(200)),
    ],
    ids=["one long header", "many headers", "very many headers"],
)
async def test_heads_that_are_too_long_are_answered_431(serve, connect, gateway, head):
    client = await connect(await serve())
    await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n" + head + b"\r\n")
    assert (await client.head())[0] == 431
    assert gateway.seen == []


async def test_a_head_that_never_ends_is_given_up(serve, connect):
    client = await connect(await serve(header_timeout_s=0.1))
    await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n")

    async def drip():
        while True:
            await client.send(b"x: y\r\n")
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    assert (await client.head())[0] == 408
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)


async def test_a_head_that_stops_at_once_is_given_up(serve, connect):
    """Also when its beginning came with the connection, before anything else ran."""
    client = await connect(await serve(header_timeout_s=0.1, idle_timeout_s=60))
    await client.send(b"POST /v1")
    assert (await client.head())[0] == 408


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"content-length: 3\r\ntransfer-encoding: chunked", "Transfer-Encoding can't be present with Content-Length"),
        (b"x: secret\0value", "Invalid header value char"),
        (b"host: b", "Duplicate 'Host' header found"),
    ],
)
async def test_a_refusal_says_what_is_wrong_without_quoting_it(serve, connect, head, words):
    client = await connect(await serve())
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\n" + head + b"\r\n\r\n")
    _, _, body = await client.reply()
    assert json.loads(body)["error"]["message"] == f"The request is not valid HTTP/1.1: {words}."


async def test_an_idle_connection_is_closed(serve, connect):
    client = await connect(await serve(idle_timeout_s=0.1))
    await client.send(GET)
    await client.reply()
    assert await client.closed()


async def test_connections_over_the_bound_are_told_to_come_back(serve, connect):
    server = await serve(max_connections=1)
    first = await connect(server)
    await first.send(GET)
    await first.reply()
    second = await connect(server)
    assert (await second.reply())[0] == 503
    await first.send(GET)
    assert (await first.reply())[0] == 200


async def test_a_body_nobody_reads_does_not_hide_the_answer(serve, connect, gateway):
    async def handler(ex):
        return Reply(401, [], b"no key")

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n")
    await client.send(b"x" * 500_000)
    status, headers, body = await client.reply()
    assert (status, headers["connection"], body) == (401, "close", b"no key")
    await client.send(b"x" * 500_000)
    assert await client.closed()
