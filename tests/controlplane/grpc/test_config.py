from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tollhouse.proto.admin.v1 import config_pb2 as pb
from tollhouse.proto.fleet import NodeRegistration, encode_registration

from tests.controlplane.plane import METADATA, ROUTE, UPSTREAM, VIEWER_METADATA, Plane
from tests.support.etcd_server import EtcdServer

Code = grpc.StatusCode


def put(kind: str, object_id: str, value: Any, **more: Any) -> pb.PutRequest:
    return pb.PutRequest(kind=kind, id=object_id, value_json=json.dumps(value).encode(), **more)


async def test_same_objects_as_rest(plane: Plane) -> None:
    """What gRPC writes REST reads, and the other way round, with the same revisions."""
    written = await plane.config.Put(put("routes", "1", ROUTE), metadata=METADATA)
    assert written.created
    got = await plane.call("GET", "routes/1")
    assert got.body["modifiedIndex"] == written.revision == written.object.mod_revision
    assert got.body["value"] == json.loads(written.object.value_json)
    await plane.call("PUT", "upstreams/1", UPSTREAM)
    one = await plane.config.Get(pb.GetRequest(kind="upstreams", id="1"), metadata=METADATA)
    assert (one.kind, one.id, one.key) == ("upstreams", "1", f"{plane.prefix}/upstreams/1")
    listed = await plane.config.List(pb.ListRequest(kind="routes"), metadata=METADATA)
    assert (listed.total, [item.id for item in listed.objects]) == (1, ["1"])


async def test_put_without_id_makes_one(plane: Plane) -> None:
    """Without an id the server makes one, as a POST does."""
    written = await plane.config.Put(put("routes", "", ROUTE), metadata=METADATA)
    assert len(written.object.id) == 20
    named = await plane.config.Put(put("consumers", "", {"username": "jack"}), metadata=METADATA)
    assert named.object.id == "jack"


async def test_patch_and_delete(plane: Plane) -> None:
    """Patch merges or replaces by sub-path; delete tells the key and the revision."""
    await plane.config.Put(put("routes", "1", ROUTE), metadata=METADATA)
    request = pb.PatchRequest(kind="routes", id="1", value_json=b'{"desc":"x"}')
    assert json.loads((await plane.config.Patch(request, metadata=METADATA)).object.value_json)["desc"] == "x"
    request = pb.PatchRequest(kind="routes", id="1", value_json=b'"y"', sub_path="desc")
    assert json.loads((await plane.config.Patch(request, metadata=METADATA)).object.value_json)["desc"] == "y"
    deleted = await plane.config.Delete(pb.DeleteRequest(kind="routes", id="1"), metadata=METADATA)
    assert (deleted.key, deleted.deleted) == (f"{plane.prefix}/routes/1", 1)
    assert deleted.revision


@pytest.mark.parametrize(
    ("method", "request_", "code", "text"),
    [
        ("Get", pb.GetRequest(kind="routes", id="9"), Code.NOT_FOUND, "Key not found"),
        ("Get", pb.GetRequest(kind="nonsense", id="9"), Code.NOT_FOUND, "Unsupported resource type: nonsense"),
        ("Put", put("routes", "1", {"uri": 1}), Code.INVALID_ARGUMENT, "invalid configuration: uri"),
        ("Put", pb.PutRequest(kind="routes", id="1", value_json=b"{"), Code.INVALID_ARGUMENT, "invalid request body"),
        ("Put", put("routes", "1", ROUTE, ttl_s=-1), Code.INVALID_ARGUMENT, "ttl_s"),
        ("Put", put("routes", "1", ROUTE, if_mod_revision=7), Code.FAILED_PRECONDITION, "precondition failed"),
        ("Patch", pb.PatchRequest(kind="consumers", id="a"), Code.INVALID_ARGUMENT, "not supported `PATCH`"),
        ("Delete", pb.DeleteRequest(kind="upstreams", id="used"), Code.FAILED_PRECONDITION, "is still using it now"),
        ("List", pb.ListRequest(kind="routes", page=1, page_size=3), Code.INVALID_ARGUMENT, "page_size must be"),
        ("WaitLive", pb.WaitLiveRequest(revision=1, timeout_ms=-5), Code.INVALID_ARGUMENT, "timeout_ms"),
    ],
)
async def test_refusals(plane: Plane, method: str, request_: Any, code: grpc.StatusCode, text: str) -> None:
    """A refusal has the code the .proto promises and REST's text."""
    await plane.call("PUT", "upstreams/used", UPSTREAM)
    await plane.call("PUT", "routes/user", {"uri": "/a", "upstream_id": "used"})
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(plane.config, method)(request_, metadata=METADATA)
    assert caught.value.code() is code
    assert text in (caught.value.details() or "")


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ((), grpc.StatusCode.UNAUTHENTICATED),
        ((("x-api-key", "wrong-wrong-wrong"),), grpc.StatusCode.UNAUTHENTICATED),
        (VIEWER_METADATA, grpc.StatusCode.PERMISSION_DENIED),
    ],
)
async def test_keys_and_roles(plane: Plane, metadata: Any, code: grpc.StatusCode) -> None:
    """No key, a wrong key and a viewer's key are told apart, for plain calls and for streams."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await plane.config.Put(put("routes", "1", ROUTE), metadata=metadata)
    assert caught.value.code() is code
    if code is grpc.StatusCode.UNAUTHENTICATED:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in plane.config.Watch(pb.WatchRequest(), metadata=metadata):
                pass
        assert caught.value.code() is code
    else:
        assert (await plane.config.List(pb.ListRequest(kind="routes"), metadata=metadata)).total == 0


async def test_watch(plane: Plane) -> None:
    """A watch says where it starts, then tells every change once, in order, with secrets masked."""
    call = plane.config.Watch(pb.WatchRequest(kinds=["routes", "consumers"]), metadata=METADATA)
    started = await call.read()
    assert started.type == pb.WatchEvent.STARTED
    await plane.call("PUT", "upstreams/1", UPSTREAM)
    await plane.call("PUT", "routes/1", ROUTE)
    await plane.call("PUT", "consumers/a", {"username": "a", "plugins": {"key-auth": {"key": "k-0123456789"}}})
    await plane.call("DELETE", "routes/1")
    events = [await asyncio.wait_for(call.read(), 5) for _ in range(3)]
    assert [(event.type, event.object.kind, event.object.id) for event in events] == [
        (pb.WatchEvent.PUT, "routes", "1"),
        (pb.WatchEvent.PUT, "consumers", "a"),
        (pb.WatchEvent.DELETE, "routes", "1"),
    ]
    assert started.revision < events[0].revision < events[1].revision < events[2].revision
    assert json.loads(events[1].object.value_json)["plugins"]["key-auth"]["key"] == "********"
    call.cancel()
    again = plane.config.Watch(pb.WatchRequest(from_revision=events[1].revision), metadata=METADATA)
    assert (await again.read()).revision == events[1].revision - 1
    assert (await asyncio.wait_for(again.read(), 5)).object.id == "a"
    again.cancel()


async def test_watch_of_what_is_gone(etcd: EtcdServer) -> None:
    """A watch from a revision etcd has compacted ends with FAILED_PRECONDITION, not with silence."""
    own = Plane(etcd.endpoint)
    await own.start()
    try:
        for n in range(5):
            await own.call("PUT", "routes/1", {**ROUTE, "desc": str(n)})
        await own.etcd.compact((await own.call("GET", "routes/1")).body["modifiedIndex"])
        call = own.config.Watch(pb.WatchRequest(from_revision=2), metadata=METADATA)
        assert (await call.read()).type == pb.WatchEvent.STARTED
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asyncio.wait_for(call.read(), 10)
        assert caught.value.code() is Code.FAILED_PRECONDITION
    finally:
        await own.close()


def node(name: str, revision: int, **more: Any) -> NodeRegistration:
    return NodeRegistration(name, "host", "1", "127.0.0.1:1", "127.0.0.1:2", 1.0, 2, 2, revision, **more)


async def test_wait_live(plane: Plane) -> None:
    """Waiting ends when the last live node has the revision, and names the laggards when it does not."""
    at = f"{plane.fleet_prefix}/nodes"
    written = await plane.config.Put(put("routes", "1", ROUTE), metadata=METADATA)
    none = await plane.config.WaitLive(pb.WaitLiveRequest(revision=written.revision, timeout_ms=50), metadata=METADATA)
    assert none.live
    await plane.etcd.put(f"{at}/a", encode_registration(node("a", written.revision)))
    await plane.etcd.put(f"{at}/b", encode_registration(node("b", 1)))
    late = await plane.config.WaitLive(pb.WaitLiveRequest(revision=written.revision, timeout_ms=50), metadata=METADATA)
    assert (late.live, list(late.laggards), [one.id for one in late.nodes]) == (False, ["b"], ["a", "b"])
    call = plane.config.WaitLive(pb.WaitLiveRequest(revision=written.revision, timeout_ms=10_000), metadata=METADATA)
    waiting = asyncio.ensure_future(_answer(call))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await plane.etcd.put(f"{at}/b", encode_registration(node("b", written.revision)))
    assert (await asyncio.wait_for(waiting, 5)).live
    listed = await plane.fleet.ListNodes(pb.ListNodesRequest(), metadata=METADATA)
    assert ([one.id for one in listed.nodes], listed.revision) == (["a", "b"], written.revision)
    await plane.etcd.put(f"{at}/c", b"nonsense")
    assert len((await plane.fleet.ListNodes(pb.ListNodesRequest(), metadata=METADATA)).nodes) == 2


async def _answer(call: Any) -> Any:
    return await call


async def test_a_node_that_leaves_is_not_waited_for(plane: Plane) -> None:
    """A node whose registration goes away while one waits no longer counts."""
    at = f"{plane.fleet_prefix}/nodes/gone"
    await plane.etcd.put(at, encode_registration(node("gone", 1)))
    call = plane.config.WaitLive(pb.WaitLiveRequest(revision=10**9, timeout_ms=10_000), metadata=METADATA)
    waiting = asyncio.ensure_future(_answer(call))
    await asyncio.sleep(0.1)
    await plane.etcd.delete(at)
    assert (await asyncio.wait_for(waiting, 5)).live


async def test_health_and_reflection(plane: Plane) -> None:
    """Health and reflection answer without a key."""
    health = health_pb2_grpc.HealthStub(plane.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="tollhouse.admin.v1.ConfigService"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(plane.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async for response in reflection.ServerReflectionInfo(iter([request])):
        names = {service.name for service in response.list_services_response.service}
        assert {"tollhouse.admin.v1.ConfigService", "tollhouse.admin.v1.FleetService"} <= names
        break


async def test_etcd_down(etcd: EtcdServer) -> None:
    """With etcd killed calls end with UNAVAILABLE."""
    plane = Plane(etcd.endpoint)
    await plane.start()
    try:
        etcd.kill()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await plane.config.Put(put("routes", "1", ROUTE), metadata=METADATA)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        await plane.close()
