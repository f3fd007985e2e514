"""The resource kinds: what is accepted, what is refused and with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.resources import (
    KINDS,
    WRITE_ORDER,
    apisix_schema,
    check_resource,
    kind_by_schema_name,
    parse,
    referrers,
)
from tollhouse.proto.resources.upstream import Node

UPSTREAM = {"nodes": {"127.0.0.1:80": 1}}
PEM = "-----BEGIN X-----" + "x" * 128

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
    ("consumers", "bob", {"username": "bob", "group_id": "g", "plugins": {"key-auth": {"key": "k"}}}),
    ("credentials", "bob/c", {"id": "c", "plugins": {"key-auth": {"key": "k"}}}),
    ("consumer_groups", "g", {"plugins": {}}),
    ("plugin_configs", "p", {"plugins": {}}),
    ("global_rules", "g", {"plugins": {"prometheus": {}}}),
    ("plugin_metadata", "http-logger", {"log_format": {"a": "$host"}, "id": "http-logger"}),
    ("ssls", "1", {"cert": PEM, "key": PEM, "snis": ["a.com", "*.a.com"], "ssl_protocols": ["TLSv1.3"]}),
    ("ssls", "1", {"cert": PEM, "key": "$sealed://a/b", "sni": "a.com", "client": {"ca": PEM}}),
    ("secrets", "vault/1", {"id": "vault/1", "uri": "http://127.0.0.1:8200", "prefix": "kv", "token": "t"}),
    ("secrets", "aws/1", {"access_key_id": "a", "secret_access_key": "$env://S"}),
    ("secrets", "gcp/1", {"auth_file": "/etc/gcp.json"}),
    ("protos", "1", {"content": 'syntax = "proto3";'}),
    ("providers", "p", {"type": "anthropic", "endpoint": "http://x", "auth": {"header": {"x-api-key": "$env://K"}}}),
    ("models", "gpt-5", {"targets": [{"provider": "p", "model": "gpt"}], "price": {"input": "0.15", "output": 3}}),
    (
        "models",
        "m",
        {
            "aliases": [],
            "targets": [{"provider": "p", "model": "x", "weight": 0, "priority": 2}],
            "capabilities": {"vision": True},
            "context_window": 0,
            "price": {},
        },
    ),
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
    ("consumers", "b b", {"username": "b b"}, "", "a username is"),
    ("consumers", "bob", {}, ".username", "required and missing"),
    ("credentials", "c", {"plugins": {}}, "", "has the form username/id"),
    ("ssls", "1", {"cert": PEM, "key": PEM}, "", "exactly one of sni and snis"),
    ("ssls", "1", {"cert": "x", "key": PEM, "sni": "a"}, ".cert", "PEM text"),
    ("ssls", "1", {"cert": PEM, "key": PEM, "sni": "a", "certs": [PEM]}, "", "as many keys"),
    ("secrets", "azure/1", {}, "", "not a secret manager"),
    ("secrets", "aws/1", {"access_key_id": "a"}, ".secret_access_key", "required and missing"),
    ("providers", "p", {"type": "openai", "endpoint": "api.openai.com"}, ".endpoint", "http:// or https://"),
    ("providers", "p", {"type": "openai", "timeout": 0}, ".timeout", "greater than or equal to 1"),
    ("models", "m", {"targets": []}, ".targets", "at least 1 item"),
    ("models", "m", {"targets": [{"provider": "p", "model": "x"}], "price": {"input": "x"}}, ".price.input", "USD"),
    (
        "models",
        "m",
        {"targets": [{"provider": "p", "model": "x"}], "price": {"input": -1}},
        ".price.input",
        "0 or more",
    ),
    ("nothing", "1", {}, "", "unknown kind"),
]


@pytest.mark.parametrize(("kind", "object_id", "value", "path", "words"), BAD)
def test_refuses_with_the_field_and_a_sentence(
    kind: str, object_id: str, value: dict[str, Any], path: str, words: str
) -> None:
    problems = check_resource(kind, object_id, value)
    found = [str(problem) for problem in problems if problem.where == f"{kind}/{object_id}{path}"]
    assert any(words in text for text in found), problems


def test_secrets_do_not_show_in_problems() -> None:
    value = {"type": "openai", "auth": {"header": {"Authorization": 12345}}, "api_key": "sk-secret"}
    for problem in check_resource("providers", "p", value):
        assert "sk-secret" not in str(problem)
        assert "12345" not in str(problem)
    with pytest.raises(ValueError) as caught:
        parse("ssls", json.dumps({"cert": PEM, "key": "short-secret-key", "sni": "a"}))
    assert "short-secret-key" not in str(caught.value)


def test_nodes_come_out_as_a_list_however_they_were_written() -> None:
    value = {"nodes": {"a.com": 1, "b.com:81": 2, "[::1]:82": 3, "::2": 4}}
    nodes = parse("upstreams", json.dumps(value)).nodes
    assert nodes == [
        Node(host="a.com", weight=1),
        Node(host="b.com", port=81, weight=2),
        Node(host="[::1]", port=82, weight=3),
        Node(host="::2", weight=4),
    ]


def test_ids_written_as_numbers_are_text_afterwards() -> None:
    route = parse("routes", b'{"uri": "/a", "upstream_id": 3, "id": 5}')
    assert (route.upstream_id, route.id) == ("3", "5")


def test_the_single_and_the_plural_field_read_alike() -> None:
    one = parse("routes", b'{"uri": "/a", "host": "h", "remote_addr": "::1", "plugins": {}}')
    many = parse("routes", b'{"uris": ["/a"], "hosts": ["h"], "remote_addrs": ["::1"], "plugins": {}}')
    for route in (one, many):
        assert (route.all_uris, route.all_hosts, route.all_remote_addrs) == (["/a"], ["h"], ["::1"])


def test_verbs_are_apisix_table() -> None:
    verbs = {name: "".join(sorted(verb[:2] for verb in kind.verbs)) for name, kind in KINDS.items()}
    everything, no_post, no_post_patch = "DEGEPAPOPU", "DEGEPAPU", "DEGEPU"
    assert verbs == {
        "routes": everything,
        "services": everything,
        "upstreams": everything,
        "consumers": no_post_patch,
        "credentials": no_post_patch,
        "consumer_groups": no_post,
        "plugin_configs": no_post,
        "global_rules": no_post,
        "plugin_metadata": no_post_patch,
        "ssls": everything,
        "secrets": no_post,
        "protos": "DEGEPOPU",
        "providers": everything,
        "models": everything,
    }


def test_references_and_referrers_mirror_each_other() -> None:
    value = {"upstream_id": 1, "service_id": "s", "plugin_config_id": True}
    assert [(found.path, found.kind, found.id) for found in KINDS["routes"].referenced(value)] == [
        ("upstream_id", "upstreams", "1"),
        ("service_id", "services", "s"),
    ]
    targets = {"targets": [{"provider": "a"}, {}, "x", {"provider": "b"}]}
    assert [found.path for found in KINDS["models"].referenced(targets)] == ["targets.0.provider", "targets.3.provider"]
    assert [referrer.kind for referrer in referrers("upstreams")] == ["routes", "services"]
    assert [referrer.kind for referrer in referrers("consumer_groups")] == ["consumers"]
    assert referrers("ssls") == ()


def test_write_order_has_every_kind_after_what_it_refers_to() -> None:
    assert sorted(WRITE_ORDER) == sorted(KINDS)
    for kind in KINDS.values():
        for reference in kind.references:
            assert WRITE_ORDER.index(reference.kind) < WRITE_ORDER.index(kind.plural)


def test_every_kind_has_a_schema_with_a_sentence_under_every_field() -> None:
    for name, kind in KINDS.items():
        schema = apisix_schema(name)
        assert kind_by_schema_name(kind.schema_name) is kind
        for one in schema.get("oneOf", [schema]):
            for part in (one, *one.get("$defs", {}).values()):
                for field_name, field in part.get("properties", {}).items():
                    assert field.get("description") or "$ref" in field, (
                        f"{name}: {part['title']}.{field_name} has no sentence"
                    )
