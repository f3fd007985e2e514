"""Signs of life while nothing comes of a stream: before its reply, and between its events."""

import asyncio
from types import SimpleNamespace

import pytest
from tollhouse.dataplane.reply import Reply

FORMAT = SimpleNamespace(keepalive=b": k\n\n", stream_type="text/event-stream")
SSE = ("content-type", "text/event-stream")
SIGN = b"5\r\n: k\n\n\r\n"


@pytest.fixture
def gateway(gateway):
    """One whose replies may be begun."""

    def begin(ex):
        ex.begun = True
        return Reply(200, [SSE, ("x-early", "yes")])

    gateway.begin = begin
    return gateway


async def test_a_stream_that_falls_silent_shows_signs_of_life_between_events(serve, connect, gateway, post):
    go = asyncio.Event()

    async def pieces():
        yield b"data: 1\n\n"
        await go.wait()
        yield b"data: 2\n\n"

    async def handler(ex):
        ex.protocol = FORMAT
        return Reply(200, [SSE], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve(keepalive_s=0.04))
    await client.send(post())
    await client.head()
    assert await client.reader.readexactly(34) == b"9\r\ndata: 1\n\n\r\n" + SIGN + SIGN
    go.set()
    assert (await client.reader.readuntil(b"0\r\n\r\n")).endswith(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("cut", "kind", "sign"),
    [(b"data: ", "text/event-stream", b": k\n\n"), (b"\n\n", "audio/mpeg", b": k\n\n"), (b"\n\n", SSE[1], b"")],
)
async def test_nothing_is_put_into_an_event_or_into_what_is_no_stream_of_events(
    serve, connect, gateway, post, cut, kind, sign
):
    async def pieces():
        yield cut
        await asyncio.sleep(0.15)
        yield b"end"

    async def handler(ex):
        ex.protocol = SimpleNamespace(keepalive=sign, stream_type="text/event-stream")
        return Reply(200, [("content-type", kind)], stream=pieces())

    gateway.handler = handler
    client = await connect(await serve(keepalive_s=0.02))
    await client.send(post())
    await client.head()
    sent = await client.reader.readuntil(b"0\r\n\r\n")
    assert sent == b"%x\r\n%b\r\n3\r\nend\r\n0\r\n\r\n" % (len(cut), cut)


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_reply_that_is_long_in_coming_is_begun(serve, connect, gateway, post, streamed):
    go = asyncio.Event()

    async def pieces():
        yield b"data: 1\n\n"

    async def handler(ex):
        ex.protocol = FORMAT
        await go.wait()
        return Reply(502, [("x-late", "yes")], b"data: 1\n\n", pieces() if streamed else None)

    gateway.handler = handler
    client = await connect(await serve(keepalive_s=0.04))
    await client.send(post())
    status, headers = await client.head()
    assert (status, headers["x-early"], headers["transfer-encoding"]) == (200, "yes", "chunked")
    assert await client.reader.readexactly(20) == SIGN + SIGN
    go.set()
    rest = await client.rest()
    assert rest.replace(SIGN, b"") == b"9\r\ndata: 1\n\n\r\n0\r\n\r\n"
    assert gateway.finished[0].reply_bytes > len(rest)


async def test_a_reply_is_not_begun_where_it_may_not_be_or_the_client_reads_no_chunks(serve, connect, gateway, post):
    async def handler(ex):
        ex.protocol = FORMAT
        await asyncio.sleep(0.1)
        return Reply(429, [], b"no")

    gateway.handler = handler
    server = await serve(keepalive_s=0.02)
    client = await connect(server)
    await client.send(post().replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert (await client.head())[0] == 429
    gateway.begin = lambda ex: None
    client = await connect(server)
    await client.send(post())
    assert (await client.reply())[::2] == (429, b"no")
