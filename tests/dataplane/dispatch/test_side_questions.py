"""A guard model of the catalogue is asked as agents' requests are: it fails over, is paid for, and is written down."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.records.verdicts import verdicts_of

from tests.support.dispatching import chat, instance
from tests.support.providers import Behaviour, answer, anthropic_reply, openai_reply, providers, silence
from tests.support.till import GOOD, Till, usd

SAFE, UNSAFE = answer(200, openai_reply("safe")), answer(200, openai_reply("unsafe\nS1"))
DOWN = answer(500, {"error": {"message": "down"}})
ASK = chat("Is this fine?", max_tokens=100)


async def guarded(till: Till, main: str, guards: dict[str, tuple[str, str]], budget: str = "1", **config: Any) -> None:
    """A route judged by the model ``guard``: its targets in order, each a provider type and an address."""
    plugins = {
        "ai-moderation": {"judge": "model", "model": "guard", "timeout_ms": 2000, **config},
        "ai-proxy-multi": {"instances": [instance("main", "openai", main)]},
    }
    targets = [{"provider": name, "model": "guard-1", "priority": 10 - place} for place, name in enumerate(guards)]
    auth = {"header": {"x-api-key": "k"}}
    made = {name: {"type": kind, "endpoint": url, "auth": auth} for name, (kind, url) in guards.items()}
    await till.load(
        routes={"r": {"uri": "/*", "plugins": plugins}},
        models={"guard": {"targets": targets, "price": {"input": "1", "output": "2"}}},
        providers=made,
        budgets={"b": usd(budget)},
    )


async def test_the_next_target_is_asked_and_every_attempt_is_in_the_books(till: Till) -> None:
    """Also one that speaks another format; the request's own attempt stands beside them, and the budget holds all."""
    unsafe = answer(200, anthropic_reply("unsafe\nS9"))
    async with providers(GOOD, DOWN, SAFE, unsafe) as [main, down, safe, other]:
        local = "openai-compatible"
        await guarded(till, main.url, {"one": (local, f"{down.url}/v1"), "two": (local, f"{safe.url}/v1")})
        got = await till.ask(ASK)
        assert got.status == 200, got.body
        told = [(one.provider, one.outcome) for one in map(_joined(till), till.log.closed)]
        assert told == [("one", "server_error"), ("two", "ok"), ("openai", "ok")]
        assert {one.request.removeprefix(got.ex.id) for one in till.log.opened} == {".side1", ""}
        judged, answered = till.log.closed[1:]
        assert judged.cost_nano == 20 * 1000 + 4 * 2000
        assert till.budgets.of("b") == (judged.cost_nano + answered.cost_nano, 0, 0)
        assert got.header("x-tollhouse-attempts") == "1"
        await guarded(till, main.url, {"one": (local, f"{down.url}/v1"), "three": ("anthropic", other.url)})
        got = await till.ask(chat("And this?", max_tokens=100))
        assert (got.status, got.json["error"]["code"]) == (400, "content_policy_violation")
        assert [one.rule for one in verdicts_of(got.ex)] == ["moderation/S9"]


def _joined(till: Till) -> Any:
    opened = {one.id: one for one in till.log.opened}

    class Both:
        def __init__(self, closed: Any) -> None:
            self.provider, self.outcome = opened[closed.id].provider, closed.outcome

    return Both


@pytest.mark.parametrize(
    ("guard", "config", "passes"),
    [
        (DOWN, {}, False),
        (DOWN, {"on_error": "allow"}, True),
        (DOWN, {"on_timeout": "allow", "on_unparsable": "allow"}, False),
        (silence(), {"timeout_ms": 100}, False),
        (silence(), {"timeout_ms": 100, "on_timeout": "allow"}, True),
        (silence(), {"timeout_ms": 100, "on_error": "allow"}, False),
        (answer(200, openai_reply("what?")), {}, False),
        (answer(200, openai_reply("what?")), {"on_unparsable": "allow"}, True),
    ],
)
async def test_when_nobody_judges_it_is_as_configured(
    till: Till, guard: Behaviour, config: dict[str, Any], passes: bool
) -> None:
    """Each kind of failure by its own choice; blocked is the default of all."""
    async with providers(GOOD, guard) as [main, judge]:
        await guarded(till, main.url, {"one": ("openai-compatible", f"{judge.url}/v1")}, **config)
        got = await till.ask(ASK)
        assert (got.status == 200) is passes
        assert len(main.received) == passes
        spent, held, _ = till.budgets.of("b")
        assert held == 0
        assert (spent > 0) is (passes or bool(judge.received and guard is not DOWN))


async def test_a_budget_without_room_for_the_judge_is_told_as_such(till: Till) -> None:
    """Neither judge nor model is asked, and no cheaper model judges instead."""
    async with providers(GOOD, SAFE) as [main, judge]:
        await guarded(till, main.url, {"one": ("openai-compatible", f"{judge.url}/v1")}, budget="0.0001")
        got = await till.ask(ASK)
        assert (got.status, got.json["error"]["type"]) == (429, "insufficient_quota")
        assert not main.received
        assert not judge.received


async def test_answers_are_judged_the_same_way(till: Till) -> None:
    """Whole and streamed; a second question of the same request has a name of its own."""
    async with providers(GOOD, UNSAFE) as [main, judge]:
        await guarded(till, main.url, {"one": ("openai-compatible", f"{judge.url}/v1")}, direction="output")
        got = await till.ask(ASK)
        assert got.status == 400
        assert b"hello" not in got.body
        judge.script[0] = SAFE
        await guarded(till, main.url, {"one": ("openai-compatible", f"{judge.url}/v1")}, direction="both")
        got = await till.ask(ASK)
        assert got.status == 200, got.body
        ids = [one.request.removeprefix(got.ex.id) for one in till.log.opened[-3:]]
        assert ids == [".side1", "", ".side2"]
