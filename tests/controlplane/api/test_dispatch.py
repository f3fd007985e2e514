from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from tollhouse.proto.admin.v1 import config_pb2 as pb
from tollhouse.proto.resources import KINDS

from tests.controlplane.plane import ADMIN, METADATA, ROUTE, VIEWER, Plane


@pytest.mark.parametrize(
    ("key", "method", "reason"),
    [
        (None, "GET", "missing apikey"),
        ("wrong-key-wrong-key", "GET", "wrong apikey"),
        (VIEWER, "PUT", "invalid method for role viewer"),
        (VIEWER, "DELETE", "invalid method for role viewer"),
        (VIEWER, "POST", "invalid method for role viewer"),
    ],
)
async def test_key_is_checked(plane: Plane, key: str | None, method: str, reason: str) -> None:
    """Without the right key: 401 with APISIX's body, and nothing happens."""
    answer = await plane.call(method, "routes/1", ROUTE, key=key)
    assert answer.status == 401
    assert answer.body == {"error_msg": "failed to check token", "description": reason}
    assert (await plane.call("GET", "routes")).body["total"] == 0


async def test_key_only_in_the_header(plane: Plane) -> None:
    """Neither the query nor a cookie carries the key."""
    assert (await plane.call("GET", f"routes?api_key={ADMIN}", key=None)).status == 401
    assert (await plane.call("GET", "routes", key=None, cookie=f"x_api_key={ADMIN}")).status == 401


async def test_viewer_reads(plane: Plane) -> None:
    """A viewer may read everything."""
    await plane.call("PUT", "routes/1", ROUTE)
    for path in ("routes", "routes/1", "schema/route", "plugins/list"):
        assert (await plane.call("GET", path, key=VIEWER)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "key", "status", "body"),
    [
        ("HEAD", "/apisix/admin", None, 200, None),
        ("OPTIONS", "routes", None, 404, None),
        ("GET", "/apisix/admin", None, 404, None),
        ("GET", "/elsewhere", None, 404, None),
        ("TRACE", "routes", ADMIN, 404, None),
        ("GET", "nonsense", ADMIN, 404, {"error_msg": "Unsupported resource type: nonsense"}),
        ("PUT", "schema/route", ADMIN, 404, {"error_msg": "not found"}),
        ("GET", "stream_routes", ADMIN, 400, {"error_msg": "stream mode is disabled, can not add stream routes"}),
        ("PUT", "stream_routes/1", ADMIN, 400, {"error_msg": "stream mode is disabled, can not add stream routes"}),
        ("GET", "stream_routes", None, 401, None),
        ("GET", "nonsense", None, 401, None),
        ("POST", "consumers", VIEWER, 401, None),
    ],
)
async def test_precedence(plane: Plane, method: str, path: str, key: str | None, status: int, body: Any) -> None:
    """Path and method come before the key, the key before the resource, the resource before the verb."""
    answer = await plane.call(method, path, key=key)
    assert answer.status == status, answer.text
    if body is not None:
        assert answer.body == body


@pytest.mark.parametrize("raw", [b"{", b'{"a":}', b"\xff\xfe", b'{"uri": "/a"', b"NaN", b"{'uri': 1}"])
async def test_broken_body(plane: Plane, raw: bytes) -> None:
    """A body that is no JSON answers 400, says why and repeats it."""
    answer = await plane.call("PUT", "routes/1", raw=raw)
    assert answer.status == 400
    assert answer.body["error_msg"].startswith("invalid request body: ")
    assert answer.body["req_body"] == raw.decode("utf-8", "replace")


async def test_verb_before_body(plane: Plane) -> None:
    """A verb the kind does not have is told before the body is looked at, the body before the ttl."""
    assert (await plane.call("POST", "consumers", raw=b"{")).status == 405
    assert "invalid request body" in (await plane.call("PUT", "routes/1?ttl=x", raw=b"{")).body["error_msg"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_large_body(plane: Plane, chunked: bool) -> None:
    """More than 1.5 MiB is refused with the numbers, whether announced or not; the server lives on."""
    raw = b'{"desc": "' + b"x" * 5_000_000 + b'"}'

    async def pieces() -> Any:
        for start in range(0, len(raw), 65536):
            yield raw[start : start + 65536]

    async with aiohttp.ClientSession() as session:
        try:
            async with session.put(
                f"{plane.url}/apisix/admin/routes/1", data=pieces() if chunked else raw, headers={"X-API-KEY": ADMIN}
            ) as response:
                assert response.status == 400
                text = json.loads(await response.text())["error_msg"]
                assert "is greater than the maximum size 1572864 allowed" in text
        except aiohttp.ClientConnectionError:
            pass  # the server hung up on the rest of the body
    assert (await plane.call("GET", "routes")).status == 200


async def test_deep_body(plane: Plane) -> None:
    """A deeply nested body is refused, not recursed into."""
    for depth in (100, 900, 100_000):
        answer = await plane.call("PUT", "routes/1", raw=b'{"vars":' + b"[" * depth + b"]" * depth + b"}")
        assert answer.status == 400, depth


async def test_half_a_request(plane: Plane) -> None:
    """A client that hangs up in the middle of its body writes nothing and harms nobody."""
    _, writer = await asyncio.open_connection("127.0.0.1", plane.control.admin_port)
    head = f"PUT /apisix/admin/routes/1 HTTP/1.1\r\nHost: x\r\nX-API-KEY: {ADMIN}\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + b'{"uri": "/a"')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await plane.call("GET", "routes")).body["total"] == 0


async def test_reload(plane: Plane) -> None:
    """plugins/reload answers done to PUT, 405 to others."""
    done = await plane.call("PUT", "plugins/reload")
    assert (done.status, done.text) == (200, "done")
    refused = await plane.call("GET", "plugins/reload")
    assert refused.status == 405
    assert "GET method is not allowed" in refused.body["error_msg"]


async def test_health(plane: Plane) -> None:
    """Health and readiness need no key."""
    assert (await plane.call("GET", "/healthz", key=None)).status == 200
    ready = await plane.call("GET", "/readyz", key=None)
    assert ready.body["status"] == "ready"


async def test_no_cors_by_default(plane: Plane) -> None:
    """Browsers elsewhere get no permission unless it is configured; the server names itself."""
    answer = await plane.call("GET", "routes", origin="https://elsewhere.example")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert answer.headers["Server"].startswith("Tollhouse/")
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("path", ["routes/%ff", "routes/%00", "routes/a%2Fb", "routes//x", "consumers//credentials/x"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
async def test_odd_paths(plane: Plane, method: str, path: str) -> None:
    """Odd paths are refused, never an internal error."""
    answer = await plane.call(method, path, ROUTE)
    assert 400 <= answer.status < 500, answer.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "value",
    [
        {},
        {"plugins": 1},
        {"plugins": {"key-auth": 1, "ai-proxy-multi": {"instances": 7}, "limit-count": []}},
        {"upstream": [], "vars": 1, "labels": [1], "uri": {"a": 1}, "timeout": 5},
        {"upstream": {"nodes": {"a": "b"}}, "plugins": {"ai-proxy-multi": {}, "ai-rate-limiting": {"rate_limit": "x"}}},
        {"id": [], "username": {}, "targets": [{"provider": 1}], "aliases": 3, "auth": {"header": 1}},
        {"id": True},
        {"\u0000": "\u0000", "desc": "\u0000" * 10, "name": "é" * 300},
        {"create_time": "x", "update_time": {}},
        {"content": 1, "cert": 1, "key": ["x"], "keys": {"a": 1}, "snis": "x", "token": [], "auth_config": 5},
        {"priority": 1e308, "weight": -1, "price": {"input": "NaN"}},
    ],
)
async def test_wrong_types(plane: Plane, kind: str, value: Any) -> None:
    """Whatever types come where, the answer is a 4xx (or the object fits), in PUT, batch validation and apply."""
    path = {"consumers": "consumers/x", "credentials": "consumers/x/credentials/y", "secrets": "secrets/vault/x"}
    for method in ("PUT", "POST"):
        answer = await plane.call(method, path.get(kind, f"{kind}/x"), value)
        assert answer.status < 500, answer.text
    answer = await plane.call("POST", "configs/validate", {kind: [value, 7, None]})
    assert answer.status == 400, answer.text
    answer = await plane.call("POST", f"schema/validate/{kind}", value)
    assert answer.status in (200, 400), answer.text
    document = pb.Document(name="x", content=json.dumps({kind: [{"id": "x", **value}]}).encode())
    await plane.config.Apply(pb.ApplyRequest(documents=[document], dry_run=True), metadata=METADATA)


async def test_a_value_that_is_no_object(plane: Plane) -> None:
    """What others left in etcd that is no object is not listed, and can be replaced and deleted."""
    await plane.etcd.put(f"{plane.prefix}/routes/1", b"nonsense")
    assert (await plane.call("GET", "routes")).body == {"list": [], "total": 0}
    assert (await plane.call("PUT", "routes/1", ROUTE)).status == 200
    await plane.etcd.put(f"{plane.prefix}/routes/2", b"[]")
    assert (await plane.call("DELETE", "routes/2")).status == 200
