"""``ai-proxy-multi``: its schema, the catalogue form, and the tutorial's form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tollhouse.dataplane.explaining import explain
from tollhouse.dataplane.registry import check_plugin, normalise_plugins

from tests.support.dispatching import Bench, bench, chat, instance, message
from tests.support.providers import OPENAI_ERRORS, answer, anthropic_reply, openai_reply, providers
from tests.support.services import request


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


def problems(config: Any) -> str:
    """All problems as text."""
    return "\n".join(map(str, check_plugin("ai-proxy-multi", config, "p")))


APISIX = {
    "balancer": {"algorithm": "chash", "hash_on": "vars", "key": "remote_addr"},
    "fallback_strategy": ["rate_limiting", "http_429", "http_5xx"],
    "fallback_http_statuses": [401, 402],
    "max_retries": 2,
    "retry_on_failure_within_ms": 500,
    "timeout": 30000,
    "keepalive": True,
    "keepalive_timeout": 60000,
    "keepalive_pool": 30,
    "ssl_verify": True,
    "logging": {"summaries": True, "payloads": False},
    "instances": [
        {
            "name": "one",
            "provider": "openai",
            "weight": 8,
            "priority": 1,
            "auth": {"header": {"Authorization": "Bearer $env://OPENAI_API_KEY"}},
            "options": {"model": "gpt-4o", "max_tokens": 512, "temperature": 1.0},
            "override": {"endpoint": "https://api.openai.com:443/v1/chat/completions"},
            "checks": {
                "active": {
                    "type": "https",
                    "host": "api.openai.com",
                    "http_path": "/status",
                    "healthy": {"interval": 2, "successes": 1},
                    "unhealthy": {"interval": 1, "http_failures": 3},
                }
            },
        },
        {"name": "two", "provider": "deepseek", "weight": 2, "auth": {"query": {"key": "k"}}, "options": {}},
    ],
}


def test_apisix_json_is_taken_unchanged() -> None:
    """The documented fields, all at once."""
    assert problems(APISIX) == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"balancer": {"algorithm": "semantic"}}, "semantic' is not supported"),
        ({"balancer": {"algorithm": "chash"}}, "needs key"),
        ({"instances": []}, "at least 1"),
        ({"instances": None}, "give either instances, or models"),
        ({"models": "*"}, "give either instances, or models"),
        ({"fallback_strategy": "http_404"}, "fallback_strategy"),
        ({"semantic_opts": {}}, "semantic balancer"),
        ({"instances": [APISIX["instances"][0]] * 2}, "two instances are called 'one'"),  # type: ignore[index]
        ({"instances": [{"name": "x", "provider": "bedrock", "weight": 1}]}, "provider_conf"),
        ({"instances": [{"name": "x", "provider": "openai-compatible", "weight": 1}]}, "set override.endpoint"),
        ({"instances": [{"name": "x", "provider": "openai", "weight": -1}]}, "greater than or equal to 0"),
        ({"typo": 1}, "typo"),
    ],
)
def test_what_is_not_supported_says_so(change: dict[str, Any], told: str) -> None:
    """Field, value and remedy."""
    assert told in problems({**APISIX, **change})


async def serve(gate: Bench, openai: str, anthropic: str, **config: Any) -> None:
    """A route for the catalogue: three models over two providers."""
    await gate.load(
        providers={
            "mine": {"type": "openai", "endpoint": openai},
            "claude": {"type": "anthropic", "endpoint": anthropic},
        },
        models={
            "fast": {"aliases": ["quick"], "targets": [{"provider": "mine", "model": "gpt-4o-mini"}]},
            "smart": {
                "targets": [
                    {"provider": "claude", "model": "claude-haiku-4-5", "priority": 1},
                    {"provider": "mine", "model": "gpt-4o-mini"},
                ]
            },
            "blind": {
                "targets": [{"provider": "mine", "model": "gpt-3.5-turbo"}],
                "capabilities": {"vision": False},
            },
        },
        routes={"all": {"uri": "/*", "plugins": {"ai-proxy-multi": {"models": "*", **config}}}},
    )


async def test_the_model_picks_the_catalogue_entry(gate: Bench) -> None:
    """By name or alias, translated where needed, and failing over by default."""
    async with providers(answer(200, openai_reply()), answer(200, anthropic_reply())) as [openai, anthropic]:
        await serve(gate, openai.url, anthropic.url)
        got = await gate.ask(chat(model="quick"))
        assert (got.header("x-tollhouse-target"), openai.received[0].json["model"]) == ("mine", "gpt-4o-mini")
        got = await gate.ask(message(model="smart"), "/v1/messages")
        assert (got.header("x-tollhouse-target"), got.header("x-tollhouse-model")) == ("claude", "claude-haiku-4-5")
        await anthropic.stop()
        got = await gate.ask(chat(model="smart"))
        assert (got.status, got.header("x-tollhouse-target")) == (200, "mine")


async def test_an_unknown_model_is_404_with_suggestions(gate: Bench) -> None:
    """In the client's own dialect."""
    await serve(gate, "http://127.0.0.1:1", "http://127.0.0.1:1")
    got = await gate.ask(chat(model="smrat"))
    assert (got.status, got.json["error"]["code"]) == (404, "model_not_found")
    assert "smart" in got.json["error"]["message"]
    got = await gate.ask(message(model="nope"), "/v1/messages")
    assert (got.status, got.json["error"]["type"]) == (404, "not_found_error")


async def test_named_models_are_all_a_route_serves(gate: Bench) -> None:
    """Others exist, but not here; the list says the same."""
    await serve(gate, "http://127.0.0.1:1", "http://127.0.0.1:1", models=["smart"])
    got = await gate.ask(chat(model="fast"))
    assert got.status == 404
    assert "fast" not in got.json["error"]["message"].replace("'fast'", "")
    ex = request(gate.gateway.snapshot, "/v1/models")
    listed = await gate.gateway.answer(ex)
    assert b'"id":"smart"' in listed.body
    assert b"fast" not in listed.body


async def test_models_lists_names_and_aliases(gate: Bench) -> None:
    """Each with who owns it."""
    await serve(gate, "http://127.0.0.1:1", "http://127.0.0.1:1")
    ex = request(gate.gateway.snapshot, "/v1/models")
    body = (await gate.gateway.answer(ex)).body
    for name in (b"fast", b"quick", b"smart", b"blind"):
        assert b'"id":"%s"' % name in body
    assert b'"owned_by":"anthropic"' in body


async def test_a_model_that_cannot_see_gets_no_images(gate: Bench) -> None:
    """Refused with the reason before anything is sent."""
    await serve(gate, "http://127.0.0.1:1", "http://127.0.0.1:1")
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    body = {"model": "blind", "messages": [{"role": "user", "content": [image]}]}
    got = await gate.ask(body)
    assert got.status == 400
    assert "vision" in got.json["error"]["message"]


async def test_explaining_takes_no_turn(gate: Bench) -> None:
    """Targets in order with their reasons; the round robin does not move."""
    await serve(gate, "http://127.0.0.1:1", "http://127.0.0.1:1")
    import json

    ex = request(
        gate.gateway.snapshot, "/v1/chat/completions", method="POST", body=json.dumps(chat(model="smart")).encode()
    )
    told = await explain(ex)
    assert [(line.name, line.rank) for line in told.targets] == [("claude", 1), ("mine", 2)]


async def test_weights_and_hashing_choose_the_instance(gate: Bench) -> None:
    """Round robin by weight; the same key meets the same instance."""
    async with providers(answer(200, openai_reply()), answer(200, openai_reply())) as [one, two]:
        pair = (instance("a", "openai", one.url, weight=3), instance("b", "openai", two.url))
        await gate.multi(*pair)
        for _ in range(8):
            await gate.ask(chat())
        assert (len(one.received), len(two.received)) == (6, 2)
        await gate.multi(*pair, balancer={"algorithm": "chash", "hash_on": "header", "key": "x-user"})
        met = {(await gate.ask(chat(), headers={"x-user": "jack"})).header("x-tollhouse-target") for _ in range(5)}
        assert len(met) == 1


async def test_an_instance_without_quota_is_skipped(gate: Bench) -> None:
    """Limits per target put it on a list; when all are on it the answer is 429 with the wait."""
    async with providers(answer(200, openai_reply())) as [one]:
        await gate.multi(instance("a", "openai", one.url, priority=1), instance("b", "openai", one.url))
        plugin = gate.gateway.snapshot.routes["r"].plugins["ai-proxy-multi"].plugin
        for spent, status, target in (({"a": 5.0}, 200, "b"), ({"a": 5.0, "b": 3.0}, 429, None)):
            _, ex = await gate.begin(chat())
            ex.state["spent_targets"] = spent
            if target is None:
                with pytest.raises(Exception, match="quota") as caught:
                    await plugin.dispatch(ex)  # type: ignore[attr-defined]
                assert (caught.value.status, caught.value.retry_after_s) == (status, 3.0)  # type: ignore[attr-defined]
            else:
                reply = await plugin.dispatch(ex)  # type: ignore[attr-defined]
                assert reply.header("x-tollhouse-target") == target


async def test_a_body_over_the_routes_limit_is_refused(gate: Bench) -> None:
    """413 names the limit."""
    await gate.multi(instance("a", "openai", "http://127.0.0.1:1"), max_req_body_size=50)
    assert (await gate.ask(chat("x" * 100))).status == 413


TUTORIAL = {
    "uri": "/v1/chat/completions",
    "upstream": {"type": "roundrobin", "nodes": {"api.openai.com": 1, "api.anthropic.com": 2}},
    "plugins": {"ai-proxy-multi": {"auth_header": "Authorization", "max_tokens": 4000, "temperature": 0.7}},
}


def tutorial() -> tuple[dict[str, Any], list[str]]:
    """The normalised route and the notes."""
    route: dict[str, Any] = {**TUTORIAL, "plugins": {"ai-proxy-multi": dict(TUTORIAL["plugins"]["ai-proxy-multi"])}}  # type: ignore[index]
    notes = normalise_plugins(route)
    return route, notes


def test_the_tutorials_form_becomes_instances() -> None:
    """The upstream goes, every rewrite is noted, the result is valid and stays as it is when written again."""
    route, notes = tutorial()
    config = route["plugins"]["ai-proxy-multi"]
    assert "upstream" not in route
    assert [(one["name"], one["weight"]) for one in config["instances"]] == [("openai", 1), ("anthropic", 2)]
    assert all(one["options"] == {"temperature": 0.7} for one in config["instances"])
    assert all(one["override"] == {"llm_options": {"max_tokens_cap": 4000}} for one in config["instances"])
    assert len(notes) == 4
    assert problems(config) == ""
    assert normalise_plugins(route) == []


@pytest.mark.parametrize("nodes", [None, 5, "x", {"example.com:80": 1}, [{"host": 5}], [7]])
def test_other_upstreams_are_left_alone(nodes: Any) -> None:
    """Wrong types and strangers' hosts do not break the rewriting; the check of the config speaks."""
    route = {"upstream": {"nodes": nodes}, "plugins": {"ai-proxy-multi": {"max_tokens": 1}}}
    normalise_plugins(route)
    assert "upstream" in route
    assert "give either instances, or models" in problems(route["plugins"]["ai-proxy-multi"])


async def test_the_tutorials_request_is_answered_by_either(gate: Bench) -> None:
    """Claude goes to Anthropic, translated; with Anthropic down the other one stands in with its own model."""
    async with providers(answer(200, openai_reply()), answer(200, anthropic_reply())) as [openai, anthropic]:
        route, _ = tutorial()
        await gate.load(
            providers={
                "openai": {"type": "openai", "endpoint": openai.url},
                "anthropic": {"type": "anthropic", "endpoint": anthropic.url},
            },
            routes={"agent-code-generation": route},
        )
        asked = chat("Write a function", model="claude-3-sonnet", max_tokens=1000)
        got = await gate.ask(asked, headers={"authorization": "Bearer sk-test-key"})
        assert (got.header("x-tollhouse-target"), got.header("x-tollhouse-model")) == ("anthropic", "claude-3-sonnet")
        assert got.json["choices"][0]["message"]["content"] == "Hello there"
        assert got.ex.cost_nano == 15 * 3000 + 5 * 300 + 4 * 15000
        sent = anthropic.received[0]
        assert (sent.target, sent.json["max_tokens"]) == ("/v1/messages", 1000)
        assert sent.headers["x-api-key"] == "sk-ant-real"
        assert "sk-test-key" not in str(sent.headers)
        await anthropic.stop()
        got = await gate.ask(asked)
        assert (got.status, got.header("x-tollhouse-target")) == (200, "openai")
        assert openai.received[0].json["model"] == "gpt-4o-mini"
        assert openai.received[0].json["max_tokens"] == 1000


async def test_active_checks_take_an_instance_out(gate: Bench) -> None:
    """Probing begins with the first request; while the probe fails the other instance serves."""
    import asyncio

    async with providers(answer(503, OPENAI_ERRORS[500]), answer(200, openai_reply())) as [sick, good]:
        checks = {"active": {"http_path": "/up", "unhealthy": {"http_failures": 1}, "healthy": {"successes": 1}}}
        await gate.multi(
            instance("a", "openai", sick.url, priority=1, checks=checks), instance("b", "openai", good.url)
        )
        assert (await gate.ask(chat())).status == 503
        for _ in range(200):
            if (await gate.ask(chat())).status == 200:
                break
            await asyncio.sleep(0.01)
        assert any(one.target == "/up" for one in sick.received)
        assert (await gate.ask(chat())).header("x-tollhouse-target") == "b"
