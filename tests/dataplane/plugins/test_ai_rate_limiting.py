"""Limits of tokens: reserved before the call, corrected after it, whatever came of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tollhouse.dataplane.registry import check_plugin, normalise_plugins

from tests.support.dispatching import Bench, bench, chat, instance
from tests.support.providers import Received, answer, openai_reply, providers, silence


async def load(gate: Bench, url: str, **config: Any) -> None:
    """One route to one OpenAI-shaped target, with the limit."""
    plugins = {
        "ai-proxy-multi": {"instances": [instance("a", "openai", url)]},
        "ai-rate-limiting": config,
    }
    await gate.load(routes={"r": {"uri": "/*", "plugins": plugins}})


def used(gate: Bench) -> dict[str, int]:
    """What the counters hold."""
    return dict(gate.services.counters.used)  # type: ignore[attr-defined]


async def test_tokens_are_reserved_before_the_call_and_corrected_after_it():
    async with bench() as gate, providers((answer(200, openai_reply(usage=(20, 0, 4))),)) as [fake]:
        await load(gate, fake.url, limit=1000, time_window=60)
        reply, ex = await gate.begin(chat(max_tokens=500))
        assert used(gate)["ai-rate-limiting:routes/r:global"] > 500
        assert int(reply.header("x-ai-ratelimit-remaining") or 0) < 500
        gate.gateway.finish(ex)
        assert used(gate)["ai-rate-limiting:routes/r:global"] == 24


@pytest.mark.parametrize(
    ("config", "charged"),
    [
        ({"limit_strategy": "prompt_tokens"}, 20),
        ({"limit_strategy": "completion_tokens"}, 4),
        ({"limit_strategy": "total_tokens"}, 24),
        ({"limit_strategy": "requests"}, 1),
        ({"limit_strategy": "expression", "cost_expr": "input_tokens + 10 * completion_tokens - cached_tokens"}, 55),
    ],
)
async def test_the_strategy_says_what_a_unit_is(config: dict[str, Any], charged: int):
    async with bench() as gate, providers((answer(200, openai_reply(usage=(20, 5, 4))),)) as [fake]:
        await load(gate, fake.url, limit=1000, time_window=60, **config)
        assert (await gate.ask(chat())).status == 200
        assert used(gate)["ai-rate-limiting:routes/r:global"] == charged


async def test_over_the_limit_is_429_in_the_clients_format_with_retry_after():
    async with bench() as gate, providers((answer(200, openai_reply(usage=(20, 0, 4))),)) as [fake]:
        await load(gate, fake.url, limit=20, time_window=60)
        assert (await gate.ask(chat())).status == 200
        refused = await gate.ask(chat())
        assert refused.status == 429
        assert refused.header("retry-after") == "60"
        assert refused.json["error"]["code"] == "rate_limit_exceeded"
        assert "20 tokens per 60 s" in refused.json["error"]["message"]
        assert refused.header("x-ai-ratelimit-remaining") == "0"
        assert len(fake.received) == 1


async def test_many_at_once_cannot_pass_the_limit_together():
    late = answer(200, openai_reply(usage=(20, 0, 4)))

    async def slowly(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await late(received, writer)

    async with bench() as gate, providers((slowly,)) as [fake]:
        await load(gate, fake.url, limit=100, time_window=60)
        answers = await asyncio.gather(*(gate.ask(chat(max_tokens=90)) for _ in range(20)))
        assert sorted(one.status for one in answers) == [200] + [429] * 19
        assert (await gate.ask(chat(max_tokens=90))).status == 200


async def test_a_request_that_never_reached_a_target_costs_nothing():
    async with bench() as gate, providers((silence(),)) as [fake]:
        await load(gate, fake.url, limit=1000, time_window=60)
        await fake.stop()
        assert (await gate.ask(chat())).status >= 500
        assert used(gate)["ai-rate-limiting:routes/r:global"] == 0


async def test_rules_count_by_key_and_a_caller_nobody_knows_by_its_credential():
    async with bench() as gate, providers((answer(200, openai_reply()),)) as [fake]:
        rules = [{"count": 1, "time_window": 60, "key": "$consumer_name", "header_prefix": "agent"}]
        await load(gate, fake.url, rules=rules, limit_strategy="requests")
        first = {"authorization": "Bearer sk-one"}
        assert (await gate.ask(chat(), headers=first)).header("x-ai-agent-ratelimit-remaining") == "0"
        assert (await gate.ask(chat(), headers=first)).status == 429
        assert (await gate.ask(chat(), headers={"authorization": "Bearer sk-two"})).status == 200
        assert not any("sk-one" in key for key in used(gate))


async def test_a_target_without_room_is_left_out_while_another_has_some():
    async with bench() as gate, providers((answer(200, openai_reply()),), (answer(200, openai_reply()),)) as [a, b]:
        plugins = {
            "ai-proxy-multi": {
                "instances": [
                    instance("a", "openai", a.url, priority=1),
                    instance("b", "openai", b.url),
                ],
                "fallback_strategy": ["rate_limiting"],
            },
            "ai-rate-limiting": {"instances": [{"name": "a", "limit": 10, "time_window": 60}]},
        }
        await gate.load(routes={"r": {"uri": "/*", "plugins": plugins}})
        served = [(await gate.ask(chat())).header("x-tollhouse-target") for _ in range(3)]
        assert served == ["a", "b", "b"]


async def test_shadow_lets_through_and_counts_what_it_would_have_refused():
    async with bench() as gate, providers((answer(200, openai_reply()),)) as [fake]:
        await load(gate, fake.url, limit=1, time_window=60, limit_strategy="requests", shadow=True)
        assert [(await gate.ask(chat())).status for _ in range(3)] == [200] * 3
        assert gate.counted("tollhouse_rate_limited_total") == {("ai-rate-limiting", "routes/r", "shadow"): 2}


def test_the_tutorials_spelling_is_rewritten_with_a_note():
    config = {"rate_limit": 100, "rate_limit_by": "consumer", "break_on_exceeded": False}
    route = {"plugins": {"ai-rate-limiting": config}}
    assert len(normalise_plugins(route)) == 2
    assert config == {
        "rules": [{"count": 100, "time_window": 60, "key": "$consumer_name"}],
        "limit_strategy": "requests",
        "shadow": True,
    }
    assert check_plugin("ai-rate-limiting", config, "p") == []


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "nothing is limited"),
        ({"limit": 5}, "limit and time_window belong together"),
        ({"limit": 5, "time_window": 60, "rules": [{"count": 1, "time_window": 1, "key": "a"}]}, "cannot be combined"),
        ({"limit": 5, "time_window": 60, "limit_strategy": "expression"}, "cost_expr: needed"),
        ({"limit": 5, "time_window": 60, "cost_expr": "a"}, "cost_expr: has no meaning"),
        ({"limit": 5, "time_window": 60, "limit_strategy": "expression", "cost_expr": "a.b"}, "cost_expr: 'a.b'"),
        ({"instances": [{"name": "a", "limit": 1, "time_window": 1}] * 2}, "instances: the name 'a' is there twice"),
        ({"limit": "many", "time_window": 60}, "limit: expected"),
        ({"limit": 5, "time_window": 60, "policy": "redis"}, "redis_host: needed"),
        ({"rate_limit": 5}, "unknown field"),
    ],
)
def test_mistakes_are_named(config: dict[str, Any], told: str):
    assert told in "\n".join(map(str, check_plugin("ai-rate-limiting", config, "p")))


def test_apisix_json_is_taken_unchanged():
    config = {
        "instances": [{"name": "openai", "limit": 100, "time_window": 60}],
        "limit": 300,
        "time_window": 30,
        "limit_strategy": "total_tokens",
        "rejected_code": 503,
        "rejected_msg": "no",
        "show_limit_quota_header": True,
        "policy": "redis",
        "redis_host": "redis.test",
        "allow_degradation": True,
    }
    assert check_plugin("ai-rate-limiting", config, "p") == []
