"""Routes and services: what is accepted, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.resources import check_resource, parse

UPSTREAM = {"nodes": {"127.0.0.1:80": 1}}

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("routes", "1", {"uri": "/a", "upstream": UPSTREAM}),
    ("routes", "1", {"id": 1, "uris": ["/a", "/b/*"], "plugins": {}, "create_time": 1, "update_time": 2}),
    (
        "routes",
        "r",
        {
            "uri": "*",
            "hosts": ["a.com", "*.b.com"],
            "methods": ["GET"],
            "remote_addrs": ["10.0.0.0/8", "::1"],
            "vars": [["arg_a", "==", "1"]],
            "priority": -1,
            "service_id": 7,
            "timeout": {"connect": 1, "send": 0.5, "read": 6},
            "enable_websocket": False,
            "status": 0,
            "labels": {"team": "a"},
            "filter_func": None,
        },
    ),
    ("services", "s", {}),
]


@pytest.mark.parametrize(("kind", "object_id", "value"), GOOD)
def test_accepts_apisix_json_and_ours(kind: str, object_id: str, value: dict[str, Any]) -> None:
    assert check_resource(kind, object_id, value) == []
    parse(kind, json.dumps(value), object_id)


BAD: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("routes", "1", {"uri": "/a"}, "", "at least one of plugins"),
    ("routes", "1", {"plugins": {}}, "", "exactly one of uri and uris"),
    ("routes", "1", {"uri": "/a", "uris": ["/b"], "plugins": {}}, "", "exactly one of uri and uris"),
    ("routes", "1", {"uri": "/a", "host": "a", "hosts": ["b"], "plugins": {}}, "", "host and hosts"),
    ("routes", "1", {"uri": "/a", "remote_addr": "::1", "remote_addrs": ["::1"], "plugins": {}}, "", "remote_addr and"),
    ("routes", "1", {"uri": "a", "plugins": {}}, ".uri", "matches no request"),
    ("routes", "1", {"uri": "/a", "host": "a b", "plugins": {}}, ".host", "not a host name"),
    ("routes", "1", {"uri": "/a", "methods": ["get"], "plugins": {}}, ".methods.0", "came 'get'"),
    ("routes", "1", {"uri": "/a", "methods": ["GET", "GET"], "plugins": {}}, ".methods", "twice"),
    ("routes", "1", {"uri": "/a", "remote_addr": "10.0.0.0/33", "plugins": {}}, ".remote_addr", "CIDR"),
    ("routes", "1", {"uri": "/a", "vars": [["a", "=", "b"]], "plugins": {}}, ".vars", "invalid operator '='"),
    ("routes", "1", {"uri": "/a", "priority": "1", "plugins": {}}, ".priority", "expected an integer, came '1'"),
    ("routes", "1", {"uri": "/a", "priority": True, "plugins": {}}, ".priority", "expected an integer, came true"),
    ("routes", "1", {"uri": "/a", "nope": 1, "plugins": {}}, ".nope", "unknown field"),
    ("routes", "1", {"uri": "/a", "filter_func": "function(vars)", "plugins": {}}, ".filter_func", "Lua"),
    ("routes", "1", {"uri": "/a", "script": "return {}", "plugins": {}}, ".script", "Lua"),
    ("routes", "1", {"uri": "/a", "script_id": "1", "plugins": {}}, ".script_id", "Lua"),
    (
        "routes",
        "1",
        {"uri": "/a", "plugins": {"x": {"_meta": {"pre_function": "x"}}}},
        ".plugins",
        "x._meta.pre_function",
    ),
    ("routes", "1", {"uri": "/a", "plugins": []}, ".plugins", "expected an object, came a list"),
    ("routes", "1", {"uri": "/a", "plugins": {}, "enable_websocket": True}, ".enable_websocket", "WebSocket"),
    ("routes", "1", {"uri": "/a", "plugins": {}, "timeout": {"connect": 1, "send": 1}}, ".timeout.read", "missing"),
    ("routes", "1", {"uri": "/a", "plugins": {}, "labels": {"a": "b c"}}, ".labels.a", "without spaces"),
    ("routes", "1", {"uri": "/a", "plugins": {}, "name": ""}, ".name", "at least 1 character"),
    ("routes", "1", {"uri": "/a", "plugins": {}, "upstream_id": 0}, ".upstream_id", "at least 1"),
    ("routes", "a/b", {"uri": "/a", "plugins": {}}, "", "1 to 64 of the characters"),
]


@pytest.mark.parametrize(("kind", "object_id", "value", "path", "words"), BAD)
def test_refuses_with_the_field_and_a_sentence(
    kind: str, object_id: str, value: dict[str, Any], path: str, words: str
) -> None:
    problems = check_resource(kind, object_id, value)
    found = [str(problem) for problem in problems if problem.where == f"{kind}/{object_id}{path}"]
    assert any(words in text for text in found), problems


def test_ids_written_as_numbers_are_text_afterwards() -> None:
    route = parse("routes", b'{"uri": "/a", "upstream_id": 3, "id": 5}')
    assert (route.upstream_id, route.id) == ("3", "5")


def test_the_single_and_the_plural_field_read_alike() -> None:
    one = parse("routes", b'{"uri": "/a", "host": "h", "remote_addr": "::1", "plugins": {}}')
    many = parse("routes", b'{"uris": ["/a"], "hosts": ["h"], "remote_addrs": ["::1"], "plugins": {}}')
    for route in (one, many):
        assert (route.all_uris, route.all_hosts, route.all_remote_addrs) == (["/a"], ["h"], ["::1"])
