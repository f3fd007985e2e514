"""The same permissions on REST, gRPC and in the console: by role, by kind, and by consumer group."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import orjson
import pytest
from tollhouse.controlplane.app import ControlPlane
from tollhouse.proto.admin.v1 import config_pb2 as pb
from tollhouse.proto.admin.v1 import history_pb2, history_pb2_grpc

from tests.controlplane.plane import ROUTE, Plane

KEYS = {name: f"{name}-key-of-the-tests-0123456789" for name in ("op", "money", "lead", "node", "gone")}


CONSOLE = [f"/ui/api/{path}" for path in ("overview", "agents", "tail", "admin/consumers/ann", "admin/consumers/bob")]


async def admin(plane: Plane, name: str, **fields: Any) -> None:
    body = {"keys": [{"id": "k1", "key": KEYS[name]}], **fields}
    answer = await plane.call("PUT", f"admins/{name}", body)
    assert answer.status in (200, 201), answer.text
    assert KEYS[name] not in answer.text
    for _ in range(100):  # it is known a moment later
        if (await plane.call("GET", "plugins/list", key=KEYS[name])).status != 401:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{name} is not known")


async def denied(call: Any, key: str) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(metadata=(("x-api-key", key),))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED, caught.value.details()
    return str(caught.value.details())


async def test_roles_hold_on_every_face(plane: Plane) -> None:
    """Who may not, may not: whether by REST, by gRPC, or in a document set."""
    await admin(plane, "op", role="operator")
    await admin(plane, "money", role="finance")
    await admin(plane, "node", role="node")
    budget = {"unit": "usd", "amount": "5", "window": "day"}
    op, money = KEYS["op"], KEYS["money"]
    assert (await plane.call("PUT", "routes/r", ROUTE, key=op)).status == 201
    answer = await plane.call("PUT", "budgets/b", budget, key=op)
    assert (answer.status, answer.body) == (403, {"error_msg": "the role operator may not write budgets"})
    assert (await plane.call("PUT", "admins/me", {"role": "admin"}, key=op)).status == 403
    assert (await plane.call("PUT", "budgets/b", budget, key=money)).status == 201
    assert (await plane.call("DELETE", "routes/r", key=money)).status == 403
    assert (await plane.call("GET", "routes/r", key=KEYS["node"])).status == 403
    put = pb.PutRequest(kind="budgets", id="b", value_json=orjson.dumps(budget))
    assert "may not write budgets" in await denied(lambda **told: plane.config.Put(put, **told), op)
    document = pb.Document(name="a.json", content=orjson.dumps({"budgets": [{"id": "b", **budget, "amount": "9"}]}))
    apply = pb.ApplyRequest(documents=[document])
    assert "budgets" in await denied(lambda **told: plane.config.Apply(apply, **told), op)
    assert (await plane.config.Apply(apply, metadata=(("x-api-key", money),))).changes
    history = history_pb2_grpc.HistoryServiceStub(plane.channel)
    back = history_pb2.RollbackRequest(revision=(await plane.call("GET", "history")).body["list"][1]["revision"])
    assert "budgets" in await denied(lambda **told: history.Rollback(back, **told), op)
    await denied(lambda **told: plane.fleet.ListNodes(pb.ListNodesRequest(), **told), KEYS["node"])
    written = (await plane.call("GET", "history?kind=routes")).body["list"][0]
    assert (written["author"], written["role"], written["via"]) == ("op", "operator", "rest")


async def test_an_identity_narrowed_to_groups_sees_and_writes_only_theirs(plane: Plane) -> None:
    """With the groups below; what belongs to nobody is read only; nothing is moved in or out."""
    for group, parent in (("org", None), ("a", "org"), ("a1", "a"), ("b", "org")):
        body = {"plugins": {}, **({"parent_id": parent} if parent else {})}
        assert (await plane.call("PUT", f"consumer_groups/{group}", body)).status == 201
    for name, group in (("alice", "a"), ("ann", "a1"), ("bob", "b")):
        assert (await plane.call("PUT", "consumers", {"username": name, "group_id": group})).status == 201
    await plane.call("PUT", "routes/r", ROUTE)
    await admin(plane, "lead", role="operator", consumer_groups=["a"])
    lead = KEYS["lead"]

    async def status(method: str, path: str, body: Any = None) -> int:
        return (await plane.call(method, path, body, key=lead)).status

    listed = (await plane.call("GET", "consumers", key=lead)).body
    assert [item["value"]["username"] for item in listed["list"]] == ["alice", "ann"]
    assert [await status("GET", f"consumers/{name}") for name in ("alice", "ann", "bob")] == [200, 200, 404]
    key = {"plugins": {"key-auth": {"key": "a-key-of-the-lead-0123456789"}}}
    assert await status("PUT", "consumers/ann/credentials/c", key) == 201
    assert await status("PUT", "consumers/bob/credentials/c", key) == 403
    assert await status("PUT", "consumers", {"username": "bob", "group_id": "a"}) == 403
    assert await status("PUT", "consumers", {"username": "alice", "group_id": "b"}) == 403
    assert await status("PUT", "consumers", {"username": "new", "group_id": "a1"}) == 201
    assert await status("PUT", "consumers", {"username": "loose"}) == 403
    assert await status("DELETE", "consumers/bob") == 403
    assert await status("PUT", "consumer_groups/a2", {"plugins": {}, "parent_id": "a"}) == 201
    assert await status("PUT", "consumer_groups/b", {"plugins": {}, "parent_id": "a"}) == 403
    # A plugin of a consumer or group stands before the route's own: it could lift what the route asks of everybody.
    policy = {"ai-guard": {"_meta": {"disable": True}}}
    assert (await plane.call("PUT", "consumer_groups/a1", {"plugins": policy, "parent_id": "a"})).status == 200
    assert await status("PUT", "consumers", {"username": "new", "group_id": "a1", "plugins": policy}) == 403
    assert await status("PUT", "consumer_groups/a2", {"plugins": policy, "parent_id": "a"}) == 403
    assert await status("PUT", "consumer_groups/a1", {"plugins": {}, "parent_id": "a"}) == 403
    assert await status("PUT", "consumer_groups/a3", {"plugins": {}, "parent_id": "a1"}) == 403
    assert await status("PUT", "consumer_groups/a3", {"plugins": policy, "parent_id": "a1"}) == 201
    assert await status("PATCH", "consumer_groups/a1", {"desc": "ours"}) == 200
    assert await status("DELETE", "consumer_groups/a3") == 200
    own = {"username": "new", "group_id": "a1", "plugins": {"key-auth": {"key": "a-new-key-of-the-lead-0123456"}}}
    assert await status("PUT", "consumers", own) == 200
    evil = orjson.dumps({"consumers": [{"username": "new", "group_id": "a1", "plugins": policy}]})
    changed = pb.Document(name="b.json", content=evil)
    await denied(lambda **told: plane.config.Apply(pb.ApplyRequest(documents=[changed]), **told), lead)
    assert (await status("GET", "routes/r"), await status("PUT", "routes/r", ROUTE)) == (200, 403)
    assert (await status("GET", "history"), await status("GET", "spend"), await status("GET", "admins/lead")) == (
        403,
        403,
        404,
    )
    document = pb.Document(name="a.json", content=orjson.dumps({"consumers": [{"username": "bob", "group_id": "a"}]}))
    await denied(lambda **told: plane.config.Apply(pb.ApplyRequest(documents=[document]), **told), lead)
    signed_in = await plane.call("POST", "/ui/api/session", {"key": lead}, Content_Type="application/json")
    cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
    seen = [(await plane.call("GET", path, key=None, Cookie=cookie)).status for path in CONSOLE]
    assert seen == [403, 200, 403, 200, 404]  # of agents it shows those of the groups
    groups = await plane.config.List(pb.ListRequest(kind="consumer_groups"), metadata=(("x-api-key", lead),))
    assert [one.id for one in groups.objects] == ["a", "a1", "a2"]


async def test_keys_are_rotated_with_overlap_expire_and_are_withdrawn_at_once(plane: Plane) -> None:
    """Two keys are good at a time; one that is over or gone is refused within a second, sessions of it as well."""
    await admin(plane, "gone", role="operator")
    second = "the-second-key-of-the-tests-0123456789"
    keys = [
        {"id": "k1", "key": "********", "expires_at": int(time.time()) + 2},
        {"id": "k2", "key": second},
    ]
    assert (await plane.call("PUT", "admins/gone", {"role": "operator", "keys": keys})).status == 200
    while (await plane.call("GET", "routes", key=second)).status == 401:
        await asyncio.sleep(0.01)
    assert (await plane.call("GET", "routes", key=KEYS["gone"])).status == 200
    signed_in = await plane.call("POST", "/ui/api/session", {"key": second}, Content_Type="application/json")
    cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
    assert (await plane.call("GET", "/ui/api/session", key=None, Cookie=cookie)).body["name"] == "gone"
    await asyncio.sleep(2)
    assert (await plane.call("GET", "routes", key=KEYS["gone"])).status == 401
    stored = (await plane.etcd.get(f"{plane.prefix}/admins/gone")).value  # type: ignore[union-attr]
    assert second.encode() not in stored
    assert stored.count(b"sha256:") == 2
    began = time.monotonic()
    assert (await plane.call("DELETE", "admins/gone")).status == 200
    while (await plane.call("GET", "routes", key=second)).status != 401:
        assert time.monotonic() - began < 5
    assert (await plane.call("GET", "/ui/api/session", key=None, Cookie=cookie)).body["name"] is None
    # Neither documents nor a rollback bring identities back.
    first = (await plane.call("GET", "history")).body["list"][-1]["revision"]
    assert (await plane.call("POST", f"history/{first}/rollback")).status == 200
    assert (await plane.call("GET", "admins/gone")).status == 404


async def test_wrong_keys_slow_an_address_down(plane: Plane) -> None:
    """429 with Retry-After, on REST and gRPC alike, while keys that were right go on working."""
    assert (await plane.call("GET", "routes")).status == 200
    answers = [await plane.call("GET", "routes", key=f"wrong-key-number-{n:04d}-0123456789") for n in range(12)]
    assert [one.status for one in answers[:11]] == [401] * 11
    assert (answers[11].status, answers[11].headers["Retry-After"]) == (429, "1")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await plane.config.List(pb.ListRequest(kind="routes"), metadata=(("x-api-key", "wrong-key-0123456789"),))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await plane.call("GET", "routes")).status == 200


async def test_refusals_stand_in_the_audit_trail(plane: Plane, tmp_path: Path) -> None:
    """Who, from where, by which face, what and why; never the key that was shown."""
    plane.control = ControlPlane(replace(plane.settings, audit=str(tmp_path / "audit.sqlite")))
    await plane.close()
    again = Plane(plane.settings.etcd_endpoints[0], plane.prefix)
    again.control = plane.control
    await again.start()
    await admin(again, "op", role="operator")
    wrong = "a-wrong-key-that-is-not-told-0123456789"
    await again.call("GET", "routes", key=wrong)
    await again.call("PUT", "budgets/b", {}, key=KEYS["op"])
    put = pb.PutRequest(kind="budgets", id="b", value_json=b"{}")
    await denied(lambda **told: again.config.Put(put, **told), KEYS["op"])
    await asyncio.sleep(0.05)
    found = (await again.call("GET", "audit?kind=permission")).text
    await again.close()
    assert found.count('"permission/admin"') >= 3
    for told in ("wrong apikey", "may not write budgets", "PUT /apisix/admin/budgets/b", "ConfigService/Put", '"op"'):
        assert told in found, found
    assert wrong not in found
