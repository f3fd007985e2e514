"""Ordinary routes: what goes through, what is retried, how nodes are chosen and watched."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.plain.upstream import UpstreamDispatcher
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.reply import Reply
from tollhouse.proto.resources.upstream import Upstream

from tests.support.dispatching import Bench
from tests.support.providers import FakeProvider, answer, providers, silence, stream
from tests.support.services import request


def node(fake: FakeProvider) -> str:
    """``host:port``."""
    return fake.url.removeprefix("http://")


def upstream(gate: Bench, nodes: dict[str, int], previous: Any = None, **fields: Any) -> UpstreamDispatcher:
    """A compiled upstream."""
    resource = Upstream.model_validate({"type": "roundrobin", "nodes": nodes, **fields})
    return UpstreamDispatcher(resource, Place("upstreams", "1"), gate.services, previous)


def exchange(gate: Bench, path: str = "/a b/ü", **parts: Any) -> Exchange:
    """A request on an ordinary route."""
    return request(gate.gateway.snapshot, path, **parts)


async def whole(reply: Reply) -> bytes:
    """The reply's body."""
    return reply.body if reply.stream is None else b"".join([piece async for piece in reply.stream])


async def test_a_request_goes_through_as_it_came(gate: Bench) -> None:
    """Path, query, headers and body; connection headers stay; who the client was is added."""
    async with providers(answer(201, {"ok": 1}, {"x-own": "1", "connection": "x-own, close"})) as [fake]:
        ex = exchange(
            gate,
            method="PUT",
            query="x=1&y=%20",
            body=b"data",
            headers={
                "connection": "close, x-hop",
                "x-hop": "1",
                "x-mine": "2",
                "te": "trailers",
                "host": "gw.test:9080",
            },
        )
        reply = await upstream(gate, {node(fake): 1}).dispatch(ex)
        assert (reply.status, json.loads(await whole(reply))) == (201, {"ok": 1})
        assert reply.header("x-own") is None  # named by Connection
        sent = fake.received[0]
        assert (sent.method, sent.target, sent.body) == ("PUT", "/a%20b/%C3%BC?x=1&y=%20", b"data")
        assert sent.headers["x-mine"] == "2"
        assert sent.headers["host"] == "gw.test:9080"
        assert (sent.headers["x-forwarded-for"], sent.headers["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
        assert not {"x-hop", "te"} & set(sent.headers)


@pytest.mark.parametrize(
    ("fields", "host"),
    [
        ({}, "gw.test"),
        ({"pass_host": "node"}, None),
        ({"pass_host": "rewrite", "upstream_host": "other.test"}, "other.test"),
    ],
)
async def test_the_host_header_follows_pass_host(gate: Bench, fields: dict[str, Any], host: str | None) -> None:
    """The client's, the node's, or one of its own."""
    async with providers(answer(200, {})) as [fake]:
        await upstream(gate, {node(fake): 1}, **fields).dispatch(exchange(gate, headers={"host": "gw.test"}))
        assert fake.received[0].headers["host"] == (host or node(fake))


async def test_bodies_stream_both_ways(gate: Bench) -> None:
    """A large request is sent piece by piece, and the first piece of the answer arrives before the last."""
    async with providers(stream(b"one", 30.0, b"two")) as [fake]:

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"x" * 1000
                await asyncio.sleep(0)

        ex = exchange(gate, method="POST", headers={"content-length": str(9 << 20)})
        ex.open_body = pieces
        reply = await upstream(gate, {node(fake): 1}).dispatch(ex)
        body: Any = reply.stream
        assert await anext(body) == b"one"
        assert fake.received[0].body == b"x" * 3000
        await body.aclose()
        await asyncio.wait_for(fake.received[0].closed.wait(), 2)


async def test_weights_are_kept(gate: Bench) -> None:
    """Three to one, and nothing for weight nought."""
    async with providers(answer(200, {}), answer(200, {}), answer(200, {})) as [one, two, three]:
        dispatcher = upstream(gate, {node(one): 3, node(two): 1, node(three): 0})
        for _ in range(8):
            await dispatcher.dispatch(exchange(gate))
        assert [len(fake.received) for fake in (one, two, three)] == [6, 2, 0]


async def test_the_same_key_meets_the_same_node(gate: Bench) -> None:
    """``chash`` by header; requests without it go by the client's address."""
    async with providers(answer(200, {}), answer(200, {})) as fakes:
        nodes = {node(fake): 1 for fake in fakes}
        dispatcher = upstream(gate, nodes, type="chash", hash_on="header", key="x-user")
        met: dict[str, set[str]] = {}
        for number in range(40):
            user = f"u{number % 10}"
            ex = exchange(gate, headers={"x-user": user})
            await dispatcher.dispatch(ex)
            met.setdefault(user, set()).add(ex.attempts[0].target)
        assert all(len(targets) == 1 for targets in met.values())
        assert len(Counter(next(iter(targets)) for targets in met.values())) == 2


@pytest.mark.parametrize("kind", ["least_conn", "ewma", "roundrobin"])
async def test_a_dead_node_is_passed_over(gate: Bench, kind: str) -> None:
    """A refused connection goes to the next node, for every method."""
    async with providers(answer(200, {}), answer(200, {})) as [one, two]:
        await one.stop()
        dispatcher = upstream(gate, {node(one): 100, node(two): 1}, type=kind)
        for method in ("GET", "POST"):
            reply = await dispatcher.dispatch(exchange(gate, method=method))
            assert reply.status == 200


async def test_retries_nought_means_none(gate: Bench) -> None:
    """The error is APISIX's."""
    async with providers(answer(200, {})) as [one]:
        await one.stop()
        with pytest.raises(GatewayError) as caught:
            await upstream(gate, {node(one): 1}, retries=0).dispatch(exchange(gate))
        assert (caught.value.status, caught.value.apisix_body) == (502, {"error_msg": "502 Bad Gateway"})


async def test_what_the_server_may_have_read_is_not_sent_twice(gate: Bench) -> None:
    """A POST that timed out after it was sent is an error; a GET is tried on the next node."""
    timeout = {"connect": 1, "send": 1, "read": 0.05}
    async with providers(silence(), answer(200, {})) as [slow, good]:
        nodes = [
            {"host": "127.0.0.1", "port": int(fake.url.rsplit(":", 1)[1]), "weight": 1, "priority": priority}
            for fake, priority in ((slow, 1), (good, 0))
        ]
        resource = Upstream.model_validate({"nodes": nodes, "timeout": timeout})
        dispatcher = UpstreamDispatcher(resource, Place("upstreams", "1"), gate.services)
        with pytest.raises(GatewayError) as caught:
            await dispatcher.dispatch(exchange(gate, method="POST", body=b"x"))
        assert caught.value.status == 504
        assert not good.received
        assert (await dispatcher.dispatch(exchange(gate))).status == 200


async def test_a_broken_answer_breaks_for_the_client_too(gate: Bench) -> None:
    """A cut body must not look complete."""
    async with providers(stream(b"one", cut=True)) as [fake]:
        reply = await upstream(gate, {node(fake): 1}).dispatch(exchange(gate))
        with pytest.raises(GatewayError, match="broke off"):
            await whole(reply)


async def test_upgrades_are_refused(gate: Bench) -> None:
    """WebSocket and CONNECT are not served, and say so."""
    async with providers(answer(200, {})) as [fake]:
        for parts in ({"headers": {"upgrade": "websocket"}}, {"method": "CONNECT"}):
            with pytest.raises(GatewayError) as caught:
                await upstream(gate, {node(fake): 1}).dispatch(exchange(gate, **parts))
            assert caught.value.status == 501
        assert not fake.received


CHECKS = {
    "active": {
        "type": "http",
        "http_path": "/health",
        "req_headers": ["User-Agent: probe"],
        "unhealthy": {"http_failures": 1, "tcp_failures": 1},
        "healthy": {"successes": 1},
    },
    "passive": {"unhealthy": {"http_failures": 2, "tcp_failures": 1}, "healthy": {"successes": 1}},
}


async def wait_for(condition: Any) -> None:
    """Until it holds."""
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true")


async def test_probes_take_a_sick_node_out_and_bring_it_back(gate: Bench) -> None:
    """A node that fails its probe gets no traffic until a probe succeeds again."""
    async with providers(answer(200, {}), answer(200, {})) as [one, two]:
        one.script[0] = answer(503, {})
        dispatcher = upstream(gate, {node(one): 1, node(two): 1}, checks=CHECKS)
        await dispatcher.dispatch(exchange(gate))
        health = dispatcher.health
        assert health is not None
        await wait_for(lambda: not health.healthy(node(one)))
        assert one.received[-1].target == "/health"
        assert one.received[-1].headers["user-agent"] == "probe"
        seen = [await _target(gate, dispatcher) for _ in range(4)]
        assert set(seen) == {node(two)}
        one.script[0] = answer(200, {})
        await wait_for(lambda: health.healthy(node(one)))
        await dispatcher.close()


async def _target(gate: Bench, dispatcher: UpstreamDispatcher) -> str:
    ex = exchange(gate)
    await dispatcher.dispatch(ex)
    return ex.attempts[-1].target


async def test_real_traffic_judges_too(gate: Bench) -> None:
    """Two 500s in a row and the node is out; what was learned outlives an edit of the upstream."""
    async with providers(answer(500, {}), answer(200, {})) as [one, two]:
        checks = {**CHECKS, "active": {"type": "tcp", "unhealthy": {"interval": 60}, "healthy": {"interval": 60}}}
        nodes = {node(one): 1, node(two): 1}
        dispatcher = upstream(gate, nodes, checks=checks)
        for _ in range(10):
            await dispatcher.dispatch(exchange(gate))
        assert dispatcher.health is not None
        edited = upstream(gate, nodes, dispatcher, checks=checks, desc="edited")
        assert {await _target(gate, edited) for _ in range(4)} == {node(two)}
        await dispatcher.close()
        await edited.close()


async def test_all_sick_means_all_are_tried(gate: Bench) -> None:
    """As APISIX does."""
    async with providers(answer(500, {})) as [one]:
        dispatcher = upstream(gate, {node(one): 1}, checks=CHECKS)
        for _ in range(4):
            assert (await dispatcher.dispatch(exchange(gate))).status == 500
        await dispatcher.close()
