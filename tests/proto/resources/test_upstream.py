"""Upstreams: what is accepted, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.resources import check_resource, parse
from tollhouse.proto.resources.upstream import Node

PEM = "-----BEGIN X-----" + "x" * 128

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    (
        "upstreams",
        "u",
        {
            "type": "chash",
            "hash_on": "header",
            "key": "x-user",
            "nodes": [{"host": "a.com", "port": 80, "weight": 1, "priority": 1, "metadata": {"zone": "x"}}],
            "checks": {"active": {"http_path": "/ping", "healthy": {"interval": 2}}, "passive": {}},
            "retries": 0,
            "scheme": "https",
            "pass_host": "rewrite",
            "upstream_host": "b.com",
            "tls": {"client_cert": PEM, "client_key": "$env://KEY", "verify": True},
            "keepalive_pool": {"size": 1, "idle_timeout": 5, "requests": 10},
        },
    ),
]


@pytest.mark.parametrize(("kind", "object_id", "value"), GOOD)
def test_accepts_apisix_json_and_ours(kind: str, object_id: str, value: dict[str, Any]) -> None:
    assert check_resource(kind, object_id, value) == []
    parse(kind, json.dumps(value), object_id)


BAD: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("upstreams", "1", {}, ".nodes", "required and missing"),
    ("upstreams", "1", {"nodes": {"h:80": "1"}}, ".nodes", "the weight of node 'h:80'"),
    ("upstreams", "1", {"nodes": {"h:x": 1}}, ".nodes", "the port of node 'h:x'"),
    ("upstreams", "1", {"nodes": {"h:99999": 1}}, ".nodes.0.port", "less than or equal to 65535"),
    ("upstreams", "1", {"nodes": [{"host": "h"}]}, ".nodes.0.weight", "required and missing"),
    ("upstreams", "1", {"nodes": {}, "type": "random"}, ".type", "'roundrobin', 'chash'"),
    ("upstreams", "1", {"nodes": {}, "type": "chash"}, "", "chash needs key"),
    ("upstreams", "1", {"nodes": {}, "scheme": "grpc"}, ".scheme", "'grpc' is not supported"),
    ("upstreams", "1", {"nodes": {}, "service_name": "x"}, ".service_name", "service discovery is not supported"),
    ("upstreams", "1", {"nodes": {}, "discovery_type": "dns"}, ".discovery_type", "service discovery"),
    ("upstreams", "1", {"nodes": {}, "pass_host": "rewrite"}, "", "needs upstream_host"),
    ("upstreams", "1", {"nodes": {}, "checks": {"passive": {}}}, ".checks.active", "required and missing"),
    ("upstreams", "1", {"nodes": {}, "tls": {"client_cert": PEM}}, ".tls", "belong together"),
    ("upstreams", "1", {"nodes": {}, "tls": {"client_cert_id": "1"}}, ".tls.client_cert_id", "not supported"),
]


@pytest.mark.parametrize(("kind", "object_id", "value", "path", "words"), BAD)
def test_refuses_with_the_field_and_a_sentence(
    kind: str, object_id: str, value: dict[str, Any], path: str, words: str
) -> None:
    problems = check_resource(kind, object_id, value)
    found = [str(problem) for problem in problems if problem.where == f"{kind}/{object_id}{path}"]
    assert any(words in text for text in found), problems


def test_nodes_come_out_as_a_list_however_they_were_written() -> None:
    value = {"nodes": {"a.com": 1, "b.com:81": 2, "[::1]:82": 3, "::2": 4}}
    nodes = parse("upstreams", json.dumps(value)).nodes
    assert nodes == [
        Node(host="a.com", weight=1),
        Node(host="b.com", port=81, weight=2),
        Node(host="[::1]", port=82, weight=3),
        Node(host="::2", weight=4),
    ]
