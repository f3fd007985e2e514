"""The end of a server, and what it counts."""

from __future__ import annotations

import asyncio

from tollhouse.dataplane.reply import Reply

GET = b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n"


async def test_draining_lets_a_running_reply_finish_and_closes_the_idle(serve, connect, gateway, until):
    go = asyncio.Event()

    async def handler(ex):
        await go.wait()
        return Reply(200, [], b"done")

    gateway.handler = handler
    server = await serve()
    idle, busy = await connect(server), await connect(server)
    await busy.send(GET)
    await until(lambda: server.exchanges == 1 and server.connections == 2)
    draining = asyncio.create_task(server.drain(5))
    assert await idle.closed()
    go.set()
    status, headers, body = await busy.reply()
    assert (status, headers["connection"], body) == (200, "close", b"done")
    await asyncio.wait_for(draining, 2)
    assert server.connections == 0


async def test_draining_ends_what_takes_too_long_and_settles_it(serve, connect, gateway, until):
    async def pieces():
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    async def handler(ex):
        return Reply(200, [], stream=pieces())

    gateway.handler = handler
    server = await serve()
    client = await connect(server)
    await client.send(GET)
    await client.head()
    await server.drain(0.05)
    assert len(gateway.finished) == 1
    assert gateway.finished[0].aborted


async def test_a_drained_server_accepts_nobody(serve, connect):
    server = await serve()
    await server.drain(0.1)
    try:
        client = await connect(server)
    except ConnectionError:
        return
    assert await client.closed()
