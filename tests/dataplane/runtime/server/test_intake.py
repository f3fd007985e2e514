"""What becomes of a parsed head."""

from __future__ import annotations

import time


async def test_the_exchange_holds_what_the_client_said(serve, connect, gateway, post):
    client = await connect(await serve())
    await client.send(
        post(b"{}", "/v1/messages?beta=true", "X-Api-Key: k", "x-stainless-os: Linux", "x-a: 1", "x-a: 2")
    )
    await client.reply()
    ex = gateway.seen[0]
    assert (ex.method, ex.path, ex.query, ex.scheme, ex.host) == (
        "POST",
        "/v1/messages",
        "beta=true",
        "http",
        "gw.test",
    )
    assert ex.headers["x-api-key"] == "k"
    assert ex.headers.getall("X-A") == ["1", "2"]
    assert ex.args == {"beta": "true"}
    assert ex.snapshot is gateway.snapshot
    assert abs(ex.received_at - time.time()) < 5
    assert abs(ex.received_s - time.monotonic()) < 5


async def test_an_exchange_keeps_the_configuration_it_began_with(serve, connect, gateway, post):
    before = gateway.snapshot

    async def handler(ex):
        gateway.snapshot = type(before)(ssls={})
        return await gateway.mirror(ex)

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(post() * 2)
    await client.reply()
    await client.reply()
    assert gateway.seen[0].snapshot is before
    assert gateway.seen[1].snapshot is not before


async def test_generated_ids_differ_between_connections(serve, connect, gateway, post):
    server = await serve()
    for _ in range(3):
        client = await connect(server)
        await client.send(post())
        await client.reply()
    assert len({ex.id for ex in gateway.seen}) == 3


async def test_the_body_can_be_asked_for_twice(serve, connect, gateway, post):
    async def handler(ex):
        assert await ex.read_body() is await ex.read_body()
        return await gateway.mirror(ex)

    gateway.handler = handler
    client = await connect(await serve())
    await client.send(post(b"abc"))
    assert (await client.reply())[0] == 200
