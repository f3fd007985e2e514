"""Configured strategies at work, through a whole gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.strategy import Chooser
from tollhouse.dataplane.exchange import ExplainTarget
from tollhouse.dataplane.plugin import DispatchPlugin
from tollhouse.proto.resources.strategy import Strategy

from tests.support.dispatching import Answer, Bench, chat, instance, message
from tests.support.providers import OPENAI_STREAM, answer, openai_reply, providers, stream

GOOD = answer(200, openai_reply())
CHEAP, DEAR = {"options": {"model": "gpt-4o-mini"}}, {"options": {"model": "gpt-4o"}}


def target(got: Answer) -> str:
    """Who answered."""
    return got.header("x-tollhouse-target")


async def explained(gate: Bench, body: Any) -> list[ExplainTarget]:
    """What explaining says."""
    _, ex = await gate.begin(body)
    assert ex.pipeline is not None
    dispatcher = ex.pipeline.dispatcher
    assert isinstance(dispatcher, DispatchPlugin)
    told: list[ExplainTarget] = dispatcher.explain(ex)
    return told


@pytest.mark.parametrize("algorithm", ["roundrobin", "priority", "least_conn", "latency", "cost", "headroom"])
async def test_every_strategy_serves_and_explains(gate: Bench, algorithm: str) -> None:
    """Each gives an order with a reason for every target."""
    async with providers(GOOD, GOOD) as [first, second]:
        two = [instance("a", "openai", first.url, **CHEAP), instance("b", "openai", second.url, **DEAR)]
        await gate.multi(*two, balancer={"algorithm": algorithm})
        for _ in range(3):
            assert (await gate.ask(chat())).status == 200
        lines = await explained(gate, chat())
        assert [line.rank for line in lines] == [1, 2]
        assert all(len(line.reason) > len("first choice: priority 0, ") for line in lines)


async def test_the_cheaper_is_asked_until_a_cache_is_warm_elsewhere(gate: Bench) -> None:
    """Sessions stay where their prompt is cached, new ones go to the cheaper."""
    cold, warm = (answer(200, openai_reply(usage=(20_000, cached, 4))) for cached in (0, 19_000))
    down = answer(500, {"error": {"message": "x"}})
    async with providers((cold, down, cold), (cold, warm)) as [cheap, dear]:
        two = [
            instance("cheap", "openai", cheap.url, options={"model": "gpt-4.1"}),
            instance("dear", "openai", dear.url, options={"model": "gpt-4o"}),
        ]
        await gate.multi(*two, balancer={"algorithm": "cost"}, fallback_strategy="any")
        assert target(await gate.ask(chat("first"))) == "cheap"
        assert target(await gate.ask(chat("second"))) == "dear"  # the cheap one is down for a moment
        assert [target(await gate.ask(chat("second"))) for _ in range(2)] == ["dear", "dear"]
        lines = await explained(gate, chat("second"))
        assert "of them from its cache" in lines[0].reason
        assert "learned from" in lines[0].reason
        assert target(await gate.ask(chat("third"))) == "cheap"
        assert target(await gate.ask(chat("first"))) == "cheap"


async def test_who_marks_its_prompt_pays_for_writing_it_where_it_was_never_seen(gate: Bench) -> None:
    """Assumed until the target has shown how much it writes."""
    nowhere = "http://127.0.0.1:1"
    two = [instance(name, "anthropic", nowhere) for name in "ab"]
    await gate.multi(*two, balancer={"algorithm": "cost"})
    for ttl, told in ((None, True), ("1h", True), ("", False)):
        mark = {"type": "ephemeral"} if ttl is None else {"type": "ephemeral", "ttl": ttl}
        marked = {"cache_control": mark} if told else {}
        body = {**message("x" * 4000), "system": [{"type": "text", "text": "s", **marked}]}
        _, ex = await gate.begin(body, "/v1/messages")
        assert ex.pipeline is not None
        assert isinstance(ex.pipeline.dispatcher, DispatchPlugin)
        for line in ex.pipeline.dispatcher.explain(ex):
            assert ("written to its cache" in line.reason) is told


async def test_the_quicker_is_asked(gate: Bench) -> None:
    """Measured by the time to the first content of streams."""
    slow, quick = stream(0.15, *OPENAI_STREAM), stream(*OPENAI_STREAM)
    async with providers(slow, quick) as [first, second]:
        two = [instance("slow", "openai", first.url), instance("quick", "openai", second.url)]
        await gate.multi(*two, balancer={"algorithm": "latency", "probe_share": 0})
        answers = [target(await gate.ask(chat(stream=True))) for _ in range(6)]
        assert set(answers[:2]) == {"slow", "quick"}
        assert answers[2:] == ["quick"] * 4


async def test_one_that_answers_with_errors_only_is_not_asked_first_for_ever(gate: Bench) -> None:
    """No breaker opens for a model that is not there."""
    gone = answer(404, {"error": {"message": "no such model", "code": "model_not_found"}})
    async with providers(gone, GOOD) as [first, second]:
        two = [instance("gone", "openai", first.url, **DEAR), instance("good", "openai", second.url, **CHEAP)]
        await gate.multi(*two, balancer={"algorithm": "latency", "probe_share": 0}, fallback_strategy="any")
        for _ in range(4):
            assert target(await gate.ask(chat())) == "good"
        assert len(first.received) == 1


async def test_the_one_with_more_quota_is_asked(gate: Bench) -> None:
    """As the last answer's headers said."""

    def left(share: int) -> Any:
        told = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": str(share)}
        return answer(200, openai_reply(), told)

    async with providers(left(5), left(80)) as [first, second]:
        two = [instance("low", "openai", first.url, **CHEAP), instance("high", "openai", second.url, **DEAR)]
        await gate.multi(*two, balancer={"algorithm": "headroom"})
        assert [target(await gate.ask(chat())) for _ in range(4)] == ["low", "high", "high", "high"]


TIERS = {
    "algorithm": "tiers",
    "tiers": [{"name": "small", "targets": ["s"], "up_to": 0.35}, {"name": "large", "targets": ["l"]}],
    "rules": [{"when": [["http_x_task", "==", "title"]], "tier": "small"}],
}
HARD = "Refactor this and analyse the race condition step by step:\n```\ndef f(): ...\n```"


async def test_easy_work_goes_to_the_small(gate: Bench) -> None:
    """Hard work to the large, unless a rule says otherwise; the small one's failure goes to the large."""
    async with providers(GOOD, GOOD) as [small, large]:
        two = [instance("s", "openai", small.url, **CHEAP), instance("l", "openai", large.url, **DEAR)]
        await gate.multi(*two, balancer=TIERS, fallback_strategy="any")
        assert target(await gate.ask(chat("Say hello"))) == "s"
        assert target(await gate.ask(chat(HARD))) == "l"
        assert target(await gate.ask(chat(HARD), headers={"x-task": "title"})) == "s"
        assert "tier small (difficulty 0." in (await explained(gate, chat("Say hello")))[0].reason
        await small.stop()
        assert target(await gate.ask(chat("Say hello"))) == "l"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/responses", {"model": "m", "instructions": "be brief", "input": "%s"}),
        ("/v1/responses", {"model": "m", "input": [{"type": "message", "role": "user", "content": "%s"}]}),
        ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "%s"}]}]}),
        ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "%s"}]}),
        ("/v1/completions", {"model": "m", "prompt": "%s"}),
    ],
)
async def test_the_tier_is_the_same_whatever_format_the_client_speaks(gate: Bench, path: str, body: Any) -> None:
    """Hard work in every format goes to the large one, easy work to the small one."""
    two = [instance("s", "openai", "http://127.0.0.1:1"), instance("l", "openai", "http://127.0.0.1:1")]
    await gate.multi(*two, balancer=TIERS)
    for text, first in (("Say hello", "s"), (HARD, "l")):
        asked = json.dumps(body).replace("%s", json.dumps(text)[1:-1])
        _, ex = await gate.begin(json.loads(asked), path)
        assert ex.pipeline is not None
        assert isinstance(ex.pipeline.dispatcher, DispatchPlugin)
        assert ex.pipeline.dispatcher.explain(ex)[0].name == first


async def test_an_agent_can_opt_out_of_tiers(gate: Bench) -> None:
    """It always gets the most capable one."""
    await gate.multi(instance("s", "openai", "http://127.0.0.1:1"))
    chooser = Chooser(Strategy.model_validate({**TIERS, "except_consumers": ["auditor-*", ""]}))
    _, ex = await gate.begin(chat("Say hello"))
    assert chooser.tier(ex).tier == 1


async def test_a_session_sticks_inside_the_tier_its_request_belongs_to(gate: Bench) -> None:
    """A hard turn of an easy session goes to the large one, and the next easy one back."""
    async with providers(GOOD, GOOD, GOOD) as [small, large, also]:
        three = [
            instance("s", "openai", small.url, **CHEAP),
            instance("l", "openai", large.url, **DEAR),
            instance("m", "openai", also.url, **DEAR),
        ]
        tiers = [TIERS["tiers"][0], {"name": "large", "targets": ["l", "m"]}]
        await gate.multi(*three, balancer={**TIERS, "tiers": tiers, "sticky": {}}, fallback_strategy="any")
        asked = [target(await gate.ask(chat(text), headers={"x-session-id": "1"})) for text in ("Hello", HARD) * 4]
        assert asked[::2] == ["s"] * 4
        assert len(set(asked[1::2])) == 1
        assert asked[1] in "lm"


async def test_explaining_says_where_a_new_session_begins(gate: Bench) -> None:
    """As it will be, not by the weights."""
    async with providers(GOOD, GOOD) as [first, second]:
        two = [instance("a", "openai", first.url), instance("b", "openai", second.url)]
        await gate.multi(*two, balancer={"sticky": {}}, fallback_strategy="any")
        for text in map(str, range(8)):
            told = (await explained(gate, chat(text)))[0].name
            assert told == target(await gate.ask(chat(text)))


async def test_a_session_sticks(gate: Bench) -> None:
    """Equal workers agree where a new one begins; it stays there while that one is fit."""
    async with providers(GOOD, GOOD) as [first, second]:
        two = [instance("a", "openai", first.url), instance("b", "openai", second.url)]
        await gate.multi(*two, balancer={"sticky": {}}, fallback_strategy="any")
        by_session = {
            name: {target(await gate.ask(chat(), headers={"x-session-id": name})) for _ in range(4)}
            for name in map(str, range(12))
        }
        assert all(len(targets) == 1 for targets in by_session.values())
        assert {one for targets in by_session.values() for one in targets} == {"a", "b"}
        await first.stop()
        got = [target(await gate.ask(chat(), headers={"x-session-id": name})) for name in by_session]
        assert set(got) == {"b"}
