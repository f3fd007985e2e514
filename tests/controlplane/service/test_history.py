"""Every write is kept with its author and what it changed, and can be taken back."""

from __future__ import annotations

import json
from typing import Any

import grpc
import grpc.aio
import pytest
from tollhouse.controlplane.service import history
from tollhouse.proto.admin.v1 import config_pb2, history_pb2, history_pb2_grpc

from tests.controlplane.plane import METADATA, ROUTE, UPSTREAM, VIEWER, VIEWER_METADATA, Plane


async def put(plane: Plane, path: str, body: Any) -> int:
    answer = await plane.call("PUT", path, body)
    assert answer.status in (200, 201), answer.text
    return int(answer.headers["X-Tollhouse-Revision"])


async def listed(plane: Plane, query: str = "") -> list[dict[str, Any]]:
    answer = await plane.call("GET", f"history{query}", key=VIEWER)
    assert answer.status == 200
    found: list[dict[str, Any]] = answer.body["list"]
    return found


async def test_each_write_tells_who_when_and_what(plane: Plane) -> None:
    """Over both faces; a refused write leaves nothing."""
    first = await put(plane, "routes/1", ROUTE)
    second = await put(plane, "routes/1", {**ROUTE, "uri": "/b"})
    await plane.call("PUT", "routes/2", {"uri": "nonsense"})
    await plane.config.Delete(config_pb2.DeleteRequest(kind="routes", id="1"), metadata=METADATA)
    gone, changed, made = await listed(plane)
    assert [one["revision"] for one in (changed, made)] == [second, first]
    assert [one["changes"][0]["action"] for one in (gone, changed, made)] == ["delete", "update", "create"]
    assert (gone["author"], gone["via"]) == ("admin", "grpc")
    assert (made["author"], made["role"], made["via"], made["address"]) == ("admin", "admin", "rest", "127.0.0.1")
    told = (await plane.call("GET", f"history/{second}")).body["changes"][0]
    assert (told["before"]["uri"], told["after"]["uri"]) == ("/hello", "/b")
    assert [one["revision"] for one in await listed(plane, f"?before={second}")] == [first]
    assert await listed(plane, "?kind=services") == []


async def test_a_write_of_many_objects_is_told_as_it_left_them(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those written since as the next write found them, the others as they are stored, and what etcdctl did is said."""
    monkeypatch.setattr(history, "MANY", 1)
    routes = [{"id": name, **ROUTE, "desc": "first"} for name in "abc"]
    document = config_pb2.Document(name="many.json", content=json.dumps({"routes": routes}).encode())
    await plane.config.Apply(config_pb2.ApplyRequest(documents=[document]), metadata=METADATA)
    for desc in ("second", "third"):
        await plane.call("PUT", "routes/a", {**ROUTE, "desc": desc})
    await plane.etcd.put(f"{plane.prefix}/routes/c", b'{"uri": "/elsewhere"}')
    [entry] = [one for one in (await plane.call("GET", "history")).body["list"] if len(one["changes"]) == 3]
    write = (await plane.call("GET", f"history/{entry['revision']}")).body
    left = {one["id"]: one["after"] for one in write["changes"]}
    assert (left["a"]["desc"], left["b"]["desc"]) == ("first", "first")
    assert "something else than the Admin API" in left["c"]["note"]


async def test_secrets_are_neither_shown_nor_kept_in_clear(plane: Plane) -> None:
    """Masked in what is shown, sealed in what is kept; a rollback brings the very key back."""
    consumer = {"username": "jack", "plugins": {"key-auth": {"key": "the-first-key-0123"}}}
    first = await put(plane, "consumers/jack", consumer)
    before = (await plane.etcd.get(f"{plane.prefix}/consumers/jack")).value  # type: ignore[union-attr]
    consumer["plugins"]["key-auth"]["key"] = "the-second-key-0123"  # type: ignore[index]
    second = await put(plane, "consumers/jack", consumer)
    told = await plane.call("GET", f"history/{second}")
    assert "********" in told.text
    kept = (await plane.etcd.get_prefix(f"{plane.fleet_prefix}/history/")).kvs
    assert "-key-0123" not in told.text + str(kept)
    assert (await plane.call("POST", f"history/{first}/rollback")).status == 200
    after = (await plane.etcd.get(f"{plane.prefix}/consumers/jack")).value  # type: ignore[union-attr]
    assert json.loads(after)["plugins"] == json.loads(before)["plugins"]


async def test_a_rollback_is_a_new_revision_that_undoes_everything_since(plane: Plane) -> None:
    """Created objects go, changed and deleted ones come back; in one transaction, with its own entry."""
    await put(plane, "upstreams/u", UPSTREAM)
    good = await put(plane, "routes/1", {"uri": "/a", "upstream_id": "u"})
    await put(plane, "routes/1", {"uri": "/b", "upstream": UPSTREAM})
    await put(plane, "routes/2", ROUTE)
    await plane.call("DELETE", "upstreams/u")
    dry = await plane.call("POST", f"history/{good}/rollback?dry_run=true")
    assert {f"{one['kind']}/{one['id']}": one["action"] for one in dry.body["changes"]} == {
        "upstreams/u": "create",
        "routes/1": "update",
        "routes/2": "delete",
    }
    assert (await plane.call("GET", "routes/2")).status == 200
    done = await plane.call("POST", f"history/{good}/rollback")
    assert done.status == 200, done.text
    assert (await plane.call("GET", "routes/1")).body["value"]["upstream_id"] == "u"
    assert (await plane.call("GET", "routes/2")).status == 404
    newest = (await listed(plane))[0]
    assert (newest["revision"], newest["purpose"]) == (done.body["revision"], f"rollback to revision {good}")
    assert (await plane.call("POST", f"history/{newest['revision'] - 1}/rollback")).status == 200
    assert (await plane.call("GET", "routes/2")).status == 200


async def test_a_rollback_that_would_break_something_is_refused_whole(plane: Plane) -> None:
    """Here: an object written past the Admin API refers to what would go."""
    first = await put(plane, "routes/1", ROUTE)
    await put(plane, "upstreams/u", UPSTREAM)
    await put(plane, "routes/2", {"uri": "/c", "upstream_id": "u"})
    (entry,) = (await plane.etcd.get_prefix(f"{plane.prefix}/routes/2")).kvs
    await plane.etcd.put(f"{plane.prefix}/routes/3", entry.value)
    refused = await plane.call("POST", f"history/{first}/rollback")
    assert refused.status == 400
    assert "routes/3" in refused.body["error_msg"]
    assert (await plane.call("GET", "routes/2")).status == 200


async def test_what_is_not_kept_is_refused_by_name(plane: Plane) -> None:
    """With where to look."""
    await put(plane, "routes/1", ROUTE)
    for method, path in (("GET", "history/1"), ("POST", "history/1/rollback")):
        answer = await plane.call(method, path)
        assert answer.status == 404
        assert "revision 1 is no write" in answer.body["error_msg"]
    assert (await plane.call("GET", "history/x")).status == 400


async def test_the_same_over_grpc_where_viewers_only_look(plane: Plane) -> None:
    """Rollback is a write."""
    stub = history_pb2_grpc.HistoryServiceStub(plane.channel)
    first = await put(plane, "routes/1", ROUTE)
    await put(plane, "routes/1", {**ROUTE, "uri": "/b"})
    writes = (await stub.ListWrites(history_pb2.ListWritesRequest(), metadata=VIEWER_METADATA)).writes
    assert [write.changes[0].id for write in writes] == ["1", "1"]
    shown = await stub.ShowWrite(history_pb2.ShowWriteRequest(revision=writes[0].revision), metadata=VIEWER_METADATA)
    assert json.loads(shown.changes[0].after_json)["uri"] == "/b"
    with pytest.raises(grpc.aio.AioRpcError, match="PERMISSION_DENIED"):
        await stub.Rollback(history_pb2.RollbackRequest(revision=first), metadata=VIEWER_METADATA)
    done = await stub.Rollback(history_pb2.RollbackRequest(revision=first), metadata=METADATA)
    assert done.revision > writes[0].revision
