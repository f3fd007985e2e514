"""A node on a real etcd: changes arrive, it registers, and its API tells what it serves."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tollhouse.proto.admin.v1 import node_pb2, node_pb2_grpc
from tollhouse.proto.etcd import EtcdClient
from tollhouse.proto.fleet import decode_registration
from tollhouse.proto.keys import node_key

from tests.support.etcd_server import EtcdServer
from tests.support.node import Node, upstream

__all__ = ["upstream"]

KEY = "node-test-admin-key"


def route(upstream: str, uri: str = "/*", **more: Any) -> bytes:
    """A route as it stands in etcd."""
    value = {"id": "r", "uri": uri, "upstream": {"type": "roundrobin", "nodes": {upstream: 1}}, **more}
    return json.dumps(value).encode()


@pytest.fixture
async def node(tmp_path: Path, etcd: EtcdServer, upstream: str) -> AsyncIterator[Node]:
    """A node of two workers with one route."""
    client = EtcdClient(etcd.settings())
    await client.put("/apisix/routes/r", route(upstream))
    await client.close()
    node = Node(tmp_path, "--etcd", etcd.endpoint, "--node-id", "n1", TOLLHOUSE_ADMIN_KEY=KEY).start()
    await node.ready()
    yield node
    node.kill()


async def status(node: Node, path: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(node.http(path)) as answer:
        return answer.status


async def test_a_change_goes_live_and_the_fleet_hears_of_it(node: Node, etcd: EtcdServer, upstream: str):
    client = EtcdClient(etcd.settings())
    revision = await client.put("/apisix/routes/r", route(upstream, "/hello"))

    async def registered() -> bool:
        found = await client.get(node_key("/tollhouse", "n1"))
        return found is not None and decode_registration(found.value).applied_revision >= revision

    await node.until(registered)
    assert [await status(node, path) for path in ("/hello", "/other")] == [200, 404]
    found = await client.get(node_key("/tollhouse", "n1"))
    assert found is not None
    told = decode_registration(found.value)
    assert (told.workers, told.workers_alive, told.draining) == (2, 2, False)
    assert told.http_address == node.addresses["http"]
    node.terminate()
    assert await node.ended() == 0
    assert await client.get(node_key("/tollhouse", "n1")) is None
    await client.close()


async def test_a_new_worker_gets_everything_that_changed_before_it_came(node: Node, etcd: EtcdServer, upstream: str):
    client = EtcdClient(etcd.settings())
    await client.put("/apisix/routes/r", route(upstream, "/hello"))
    for worker in node.workers:
        worker.kill()
    await asyncio.sleep(0.1)
    await node.ready()
    assert [await status(node, path) for path in ("/hello", "/other")] == [200, 404]
    await client.close()


async def test_an_object_nobody_can_read_is_refused_and_the_rest_is_served(node: Node, etcd: EtcdServer, upstream: str):
    client = EtcdClient(etcd.settings())
    await client.put("/apisix/routes/bad", b'{"id": "bad", "uri": 7}')
    async with grpc.aio.insecure_channel(node.addresses["grpc"]) as channel:
        stub = node_pb2_grpc.NodeServiceStub(channel)

        async def refused() -> bool:
            told = await stub.Status(node_pb2.StatusRequest(), metadata=[("x-api-key", KEY)])
            return [one.id for one in told.node.refused] == ["bad"]

        await node.until(refused)
    assert await status(node, "/hello") == 200
    await client.close()


async def test_the_node_api_tells_status_the_effective_route_and_what_would_happen(node: Node):
    token = [("x-api-key", KEY)]
    async with grpc.aio.insecure_channel(node.addresses["grpc"]) as channel:
        stub = node_pb2_grpc.NodeServiceStub(channel)
        told = await stub.Status(node_pb2.StatusRequest(), metadata=token)
        assert (told.ready, told.node.id, dict(told.objects)) == (True, "n1", {"routes": 1})
        effective = await stub.EffectiveConfig(node_pb2.EffectiveConfigRequest(route_id="r"), metadata=token)
        assert json.loads(effective.config_json)["route"]["uri"] == "/*"
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await stub.EffectiveConfig(node_pb2.EffectiveConfigRequest(route_id="none"), metadata=token)
        assert missing.value.code() == grpc.StatusCode.NOT_FOUND
        explained = await stub.Explain(node_pb2.ExplainRequest(method="GET", path="/hello?a=1"), metadata=token)
        assert (explained.route_id, explained.status) == ("r", 0)
        health = health_pb2_grpc.HealthStub(channel)
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING


async def test_the_node_api_wants_the_key(node: Node):
    async with grpc.aio.insecure_channel(node.addresses["grpc"]) as channel:
        stub = node_pb2_grpc.NodeServiceStub(channel)
        for metadata in ([], [("x-api-key", "wrong")]):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Status(node_pb2.StatusRequest(), metadata=metadata)
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_identities_are_known_to_the_node_api_while_they_stand(node: Node, etcd: EtcdServer):
    """A viewer reads and no more; a key that is withdrawn is no longer one."""
    key = "key-of-a-viewer-0123456789"
    digest = hashlib.sha256(key.encode()).hexdigest()
    viewer = {"role": "viewer", "keys": [{"id": "1", "key": f"sha256:{digest}"}]}
    client = EtcdClient(etcd.settings())
    await client.put("/apisix/admins/eve", json.dumps(viewer).encode())
    async with grpc.aio.insecure_channel(node.addresses["grpc"]) as channel:
        stub, token = node_pb2_grpc.NodeServiceStub(channel), [("x-api-key", key)]

        async def code(call: Any) -> Any:
            try:
                await call
            except grpc.aio.AioRpcError as refused:
                return refused.code()
            return grpc.StatusCode.OK

        async def reads() -> bool:
            return bool(await code(stub.Status(node_pb2.StatusRequest(), metadata=token)) == grpc.StatusCode.OK)

        await node.until(reads)
        forced = stub.SetTarget(node_pb2.SetTargetRequest(name="x", action="open"), metadata=token)
        assert await code(forced) == grpc.StatusCode.PERMISSION_DENIED
        await client.delete("/apisix/admins/eve")

        async def gone() -> bool:
            return not await reads()

        await node.until(gone)
    await client.close()


async def test_a_node_starts_and_serves_with_etcd_down(node: Node, etcd: EtcdServer):
    node.terminate()
    assert await node.ended() == 0
    etcd.kill()
    node.start()
    await node.ready()
    assert await status(node, "/hello") == 200
    _, told = await node.readiness()
    assert told["config"]["source"] == "cache"
    etcd.start()

    async def back() -> bool:
        return (await node.readiness())[1]["config"]["source"] == "etcd"

    await node.until(back)
