from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane import registry
from tollhouse.proto.resources import KINDS

from tests.controlplane.plane import ROUTE, UPSTREAM, Plane


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_has_a_schema(plane: Plane, kind: str) -> None:
    """The schema of each kind is served under its singular."""
    answer = await plane.call("GET", f"schema/{KINDS[kind].schema_name}")
    assert answer.status == 200
    assert "properties" in answer.body or "oneOf" in answer.body


async def test_unknown_schema(plane: Plane) -> None:
    """An unknown schema answers 400 in APISIX's words."""
    answer = await plane.call("GET", "schema/nonsense")
    assert (answer.status, answer.body) == (400, {"error_msg": "not found schema: nonsense"})


async def test_plugin_schemas(plane: Plane) -> None:
    """Each plugin's schema is served under both addresses; unknown ones answer 404."""
    names = (await plane.call("GET", "plugins/list")).body
    assert set(names) == set(registry.plugin_classes())
    priorities = [registry.plugin_classes()[name].priority for name in names]
    assert priorities == sorted(priorities, reverse=True)
    for name in names[:3]:
        one, two = await plane.call("GET", f"schema/plugins/{name}"), await plane.call("GET", f"plugins/{name}")
        assert one.status == 200
        assert one.body == two.body
    missing = await plane.call("GET", "plugins/nonsense")
    assert (missing.status, missing.body) == (404, {"error_msg": "plugin not found in subsystem http"})
    assert (await plane.call("GET", "plugins/key-auth?subsystem=nonsense")).status == 400
    assert (await plane.call("GET", "plugins/key-auth?subsystem=stream")).status == 404
    assert (await plane.call("GET", "plugins/key-auth?schema_type=consumer")).body["properties"]["key"]
    assert set((await plane.call("GET", "plugins?all=true")).body) == set(names)


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("routes", ROUTE, 200, ""),
        ("routes", {**ROUTE, "plugins": {"unknown-plugin": {}}}, 200, ""),
        ("routes", {"uri": 1}, 400, "uri"),
        ("nonsense", {}, 404, "Unsupported resource type: nonsense"),
        ("routes", [], 400, "expected an object"),
    ],
)
async def test_schema_validate(plane: Plane, path: str, body: Any, status: int, text: str) -> None:
    """schema/validate looks at the schema only and answers 200 without a body."""
    answer = await plane.call("POST", f"schema/validate/{path}", body)
    assert answer.status == status, answer.text
    assert (text in answer.body["error_msg"]) if text else not answer.text


async def test_configs_validate(plane: Plane) -> None:
    """configs/validate checks a whole set, names each error's place, and ignores references."""
    good = {"routes": [{"id": "1", "uri": "/a", "upstream_id": "none"}], "upstreams": [{"id": "u", **UPSTREAM}]}
    answer = await plane.call("POST", "configs/validate", good)
    assert (answer.status, answer.body) == (200, {})
    bad = {
        "routes": [{"id": "1", **ROUTE}, {"id": "1", **ROUTE}, {"id": "2", **ROUTE, "plugins": {"nope": {}}}],
        "nonsense": [],
    }
    answer = await plane.call("POST", "configs/validate", bad)
    assert answer.status == 400
    assert answer.body["error_msg"] == "Configuration validation failed"
    found = {(error["resource_type"], error["resource_id"], error["index"]) for error in answer.body["errors"]}
    assert found == {("routes", "1", 1), ("routes", "2", 2), ("nonsense", "", 0)}
    assert any(error["error"] == "unknown plugin [nope]" for error in answer.body["errors"])
    assert (await plane.call("GET", "routes")).body["total"] == 0


async def test_configs_validate_yaml(plane: Plane) -> None:
    """configs/validate takes YAML, and survives what unfolds without end."""
    headers = {"content_type": "application/yaml"}
    raw = b"routes:\n  - id: a\n    uri: /a\n    upstream: {nodes: {'127.0.0.1:80': 1}}\n"
    answer = await plane.call("POST", "configs/validate", raw=raw, **headers)
    assert (answer.status, answer.body) == (200, {})
    broken = await plane.call("POST", "configs/validate", raw=b"a: [", **headers)
    assert broken.status == 400
    bomb = b"a0: &a0 [x]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 12)
    )
    assert (await plane.call("POST", "configs/validate", raw=bomb, **headers)).status == 400
