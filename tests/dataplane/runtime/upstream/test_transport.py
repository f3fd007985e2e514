"""What both transports promise, against servers that keep to HTTP/1.1 and servers that do not."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n"


async def test_an_answer_with_a_length_is_read_to_its_end(transport, raw_server, ask):
    server = await raw_server.answer(OK)
    response = await transport.send(ask(server))
    assert response.status == 200
    assert response.header("content-type") == "text/plain"
    assert await response.read(100) == b"hello"
    assert await response.chunk() == b""


async def test_the_request_goes_out_as_given_with_framing_added(transport, raw_server, ask):
    server = await raw_server.answer(OK)
    await (await transport.send(ask(server, body=b"body", target="/a%2Fb?x=%20", headers=(("x-a", "ü"),)))).read(9)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a%2Fb?x=%20 HTTP/1.1\r\n")
    assert b"x-a: \xc3\xbc" in head
    assert b"content-length: 4" in head.lower()
    assert head.lower().count(b"host: 127.0.0.1:") == 1
    assert b"accept-encoding" not in head.lower()
    assert body == b"body"


async def test_a_body_that_comes_in_pieces_is_sent_chunked(transport, raw_server, ask):
    async def pieces():
        yield b"one"
        yield b""
        yield b"two"

    server = await raw_server.answer(OK)
    await (await transport.send(ask(server, body=pieces()))).read(9)
    assert server.requests[0].endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


@pytest.mark.parametrize("cut", [1, 7])
@pytest.mark.parametrize(("answer", "body"), [(OK, b"hello"), (CHUNKED, b"abcde")])
async def test_answers_survive_any_cutting_into_packets(transport, raw_server, ask, answer, body, cut):
    server = await raw_server.answer(answer, cut=cut)
    assert await (await transport.send(ask(server))).read(100) == body


async def test_a_body_without_length_ends_with_the_connection(transport, raw_server, ask):
    server = await raw_server.answer(b"HTTP/1.1 200 OK\r\n\r\nall there is", close=True)
    assert await (await transport.send(ask(server))).read(100) == b"all there is"


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ],
)
async def test_answers_without_a_body_keep_the_connection(transport, raw_server, ask, method, answer):
    server = await raw_server.answer(answer, OK)
    assert await (await transport.send(ask(server, method, b""))).read(10) == b""
    assert await (await transport.send(ask(server))).read(10) == b"hello"
    assert server.connections == 1


async def test_interim_answers_are_skipped(transport, raw_server, ask):
    server = await raw_server.answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK)
    response = await transport.send(ask(server))
    assert response.status == 200
    assert response.header("link") is None
    assert await response.read(10) == b"hello"


async def test_connections_are_used_again(transport, raw_server, ask):
    server = await raw_server.answer(OK, CHUNKED, OK)
    for body in (b"hello", b"abcde", b"hello"):
        assert await (await transport.send(ask(server))).read(10) == body
    assert server.connections == 1


async def test_a_server_that_says_close_is_not_asked_again_on_that_connection(transport, raw_server, ask):
    server = await raw_server.answer(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), OK)
    for _ in range(2):
        assert await (await transport.send(ask(server))).read(10) == b"hello"
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 two OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 700 Odd\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/0.9 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"<html>not http</html>\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000 + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: a\r\n" * 20_000 + b"content-length: 0\r\n\r\n",
    ],
    ids=lambda answer: repr(answer[:70]),
)
async def test_heads_that_could_be_read_in_two_ways_are_refused(transport, raw_server, ask, answer):
    server = await raw_server.answer(answer, close=True)
    with pytest.raises(TransportError) as caught:
        await (await transport.send(ask(server))).read(1000)
    assert caught.value.phase == "framing"
    assert caught.value.request_sent


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\x01b\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 9 + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: a\r\n b\r\n\r\n",
    ],
    ids=lambda answer: repr(answer[:90]),
)
async def test_the_lean_one_also_refuses_what_lax_parsers_take(lean, raw_server, ask, answer):
    server = await raw_server.answer(answer, close=True)
    with pytest.raises(TransportError) as caught:
        await (await lean.send(ask(server))).read(1000)
    assert caught.value.phase == "framing"


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nabc\r\n",
        b"-1\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcXX0\r\n\r\n",
        b"2\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"3;a\nb\r\nabc\r\n0\r\n\r\n",
        b'3;a="\r\n"\r\nabc\r\n0\r\n\r\n',
        b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
        b"3\r\nabc\r\n0\r\ncontent-length: 3\r\n\r\n",
        b"fffffffffffffffff\r\n",
    ],
    ids=repr,
)
async def test_bad_chunking_is_refused(transport, raw_server, ask, chunks):
    server = await raw_server.answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks, close=True)
    with pytest.raises(TransportError) as caught:
        await (await transport.send(ask(server))).read(1000)
    assert caught.value.phase == "framing"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
    ids=repr,
)
async def test_a_cut_answer_is_never_taken_for_a_whole_one(transport, raw_server, ask, answer):
    server = await raw_server.answer(answer, close=True)
    with pytest.raises(TransportError) as caught:
        await (await transport.send(ask(server))).read(1000)
    assert caught.value.phase == "closed"
    assert caught.value.request_sent


async def test_bytes_after_a_complete_answer_close_the_connection(lean, raw_server, ask):
    server = await raw_server.answer(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", OK)
    assert await (await lean.send(ask(server))).read(10) == b"hello"
    assert await (await lean.send(ask(server))).read(10) == b"hello"
    assert server.connections == 2


async def test_bytes_that_come_later_close_the_connection_too(lean, raw_server, ask):
    async def script(reader, writer):
        while await raw_server.read_request(reader):
            writer.write(OK)
            await asyncio.sleep(0.01)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")

    server = await raw_server.run(script)
    assert await (await lean.send(ask(server))).read(10) == b"hello"
    await asyncio.sleep(0.03)
    assert await (await lean.send(ask(server))).read(10) == b"hello"
    assert server.connections == 2


@pytest.mark.parametrize("header", [("x", "a\r\nevil: 1"), ("x\n", "a"), ("x", "a\0b"), ("x", "a\nb")])
async def test_headers_that_would_split_the_request_are_never_sent(transport, raw_server, ask, header):
    server = await raw_server.answer(OK)
    with pytest.raises(TransportError) as caught:
        await transport.send(ask(server, headers=(header,)))
    assert not caught.value.request_sent
    assert server.connections == 0


async def test_a_refused_connection_says_so_and_sent_nothing(transport):
    probe = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    with pytest.raises(TransportError) as caught:
        await transport.send(UpstreamRequest("GET", Origin("http", "127.0.0.1", port), "/", (), b"", Timeouts()))
    assert caught.value.phase == "connect"
    assert not caught.value.request_sent


async def test_an_unknown_name_is_a_dns_failure(transport):
    origin = Origin("http", "no-such-host.invalid", 80)
    with pytest.raises(TransportError) as caught:
        await transport.send(UpstreamRequest("GET", origin, "/", (), b"", Timeouts()))
    assert caught.value.phase == "dns"
    assert not caught.value.request_sent


async def test_a_silent_server_runs_into_the_first_byte_timeout(transport, raw_server, ask):
    server = await raw_server.answer()
    with pytest.raises(TransportError) as caught:
        await transport.send(ask(server, first_byte_s=0.05, connect_s=0.05))
    assert caught.value.phase == "first_byte"
    assert caught.value.timed_out


async def test_a_server_that_falls_silent_runs_into_the_idle_timeout(transport, raw_server, ask):
    server = await raw_server.answer(OK[:-2])
    response = await transport.send(ask(server, idle_s=0.05))
    with pytest.raises(TransportError) as caught:
        await response.read(100)
    assert caught.value.phase == "idle"
    assert caught.value.timed_out
    await asyncio.wait_for(server.closed_by_client.wait(), 2)


async def test_a_drip_that_never_pauses_runs_into_the_total_timeout(transport, raw_server, ask):
    server = await raw_server.answer(OK[:-5] + b"x" * 5, cut=1, pause_s=0.01)
    with pytest.raises(TransportError) as caught:
        await (await transport.send(ask(server, total_s=0.2))).read(100)
    assert caught.value.phase == "total"
    assert caught.value.timed_out


async def test_cancelling_closes_the_connection_at_once(transport, raw_server, ask):
    server = await raw_server.answer()
    task = asyncio.create_task(transport.send(ask(server)))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.closed_by_client.wait(), 1)


async def test_closing_a_response_early_closes_its_connection(transport, raw_server, ask):
    server = await raw_server.answer(OK[:-2])
    response = await transport.send(ask(server))
    response.close()
    response.close()
    with pytest.raises(TransportError):
        await response.chunk()
    await asyncio.wait_for(server.closed_by_client.wait(), 1)


async def test_a_response_over_the_limit_is_refused(transport, raw_server, ask):
    server = await raw_server.answer(OK)
    with pytest.raises(TransportError) as caught:
        await (await transport.send(ask(server))).read(4)
    assert caught.value.phase == "size"


async def test_a_request_lost_on_a_stale_connection_is_repeated_only_when_it_is_harmless(transport, raw_server, ask):
    async def script(reader, writer):
        await raw_server.read_request(reader)
        writer.write(OK)
        if raw_server.connections == 1:
            await raw_server.read_request(reader)  # takes the second request and dies

    server = await raw_server.run(script)
    await (await transport.send(ask(server, "GET", b""))).read(10)
    assert await (await transport.send(ask(server, "GET", b""))).read(10) == b"hello"
    assert len(server.requests) == 3


async def test_a_request_whose_answer_had_begun_is_not_repeated(lean, raw_server, ask):
    async def script(reader, writer):
        await raw_server.read_request(reader)
        writer.write(OK)
        await raw_server.read_request(reader)
        writer.write(OK[:12])

    server = await raw_server.run(script)
    await (await lean.send(ask(server, "GET", b""))).read(10)
    with pytest.raises(TransportError, match="in the middle of its answer"):
        await lean.send(ask(server, "GET", b""))
    assert len(server.requests) == 2


async def test_a_post_lost_on_a_stale_connection_is_not_repeated(transport, raw_server, ask):
    async def script(reader, writer):
        await raw_server.read_request(reader)
        writer.write(OK)
        await raw_server.read_request(reader)

    server = await raw_server.run(script)
    await (await transport.send(ask(server))).read(10)
    with pytest.raises(TransportError) as caught:
        await transport.send(ask(server))
    assert caught.value.phase == "closed"
    assert caught.value.request_sent
    assert len(server.requests) == 2


async def test_a_connection_the_server_closed_while_idle_is_not_used(transport, raw_server, ask):
    server = await raw_server.answer(OK, OK, close=True)
    for _ in range(2):
        assert await (await transport.send(ask(server))).read(10) == b"hello"
        await asyncio.sleep(0.02)
    assert server.connections == 2


async def test_a_caller_that_does_not_read_stops_the_server(transport, raw_server, ask):
    written = 0

    async def script(reader, writer):
        nonlocal written
        await raw_server.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 67108864\r\n\r\n")
        for _ in range(1024):
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536
        await reader.read()

    server = await raw_server.run(script)
    response = await transport.send(ask(server))
    await asyncio.sleep(0.2)
    assert written < 32 * 1024 * 1024
    size = 0
    while piece := await response.chunk():
        size += len(piece)
    assert size == 67108864


async def test_a_large_request_reaches_a_slow_reader_whole(transport, raw_server, ask):
    body = bytes(range(256)) * 40_000

    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        got = b""
        while len(got) < len(body):
            got += await reader.read(1 << 20)
            await asyncio.sleep(0.002)
        writer.write(OK if got == body else b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n")
        await reader.read()

    server = await raw_server.run(script)
    assert (await transport.send(ask(server, body=body))).status == 200


@pytest.mark.parametrize("size", [300_000, 1_000_000, 8_000_000])
async def test_an_early_answer_to_an_upload_nobody_reads_ends_the_connection(lean, raw_server, ask, size):
    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        if raw_server.connections == 1:
            writer.transport.pause_reading()
            await asyncio.sleep(1)

    server = await raw_server.run(script)
    server._server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    assert await (await lean.send(ask(server, body=b"x" * size))).read(10) == b"hello"
    assert await (await lean.send(ask(server, first_byte_s=0.5))).read(10) == b"hello"
    assert server.connections == 2


async def test_an_early_refusal_of_a_large_upload_is_seen(transport, raw_server, ask):
    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig")
        await writer.drain()
        await asyncio.sleep(0.2)

    server = await raw_server.run(script)
    response = await transport.send(ask(server, body=b"x" * 8_000_000))
    assert response.status == 413
    assert await response.read(10) == b"big"
