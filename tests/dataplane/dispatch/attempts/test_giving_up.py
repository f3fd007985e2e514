"""Turning to a budget's cheaper model: within the request's own time and tries."""

from __future__ import annotations

from typing import Any

from tests.support.dispatching import instance
from tests.support.providers import OPENAI_ERRORS, answer, openai_reply, providers, silence
from tests.support.till import ASK, Till, usd

GOOD = answer(200, openai_reply())
BAD = answer(500, OPENAI_ERRORS[500])


async def turning(till: Till, instances: tuple[dict[str, Any], ...], urls: list[str], **config: Any) -> None:
    """Instances, the last of them too dear, and a cheaper model at these addresses, in this order."""
    own = {
        f"own{number}": {"type": "openai-compatible", "endpoint": f"{url}/v1/chat/completions"}
        for number, url in enumerate(urls)
    }
    targets = [{"provider": name, "model": "qwen", "priority": number} for number, name in enumerate(reversed(own))]
    routing = {"instances": list(instances), "fallback_strategy": "any", "hedge_after_ms": None, **config}
    await till.load(
        routes={"r": {"uri": "/*", "plugins": {"ai-proxy-multi": routing}}},
        budgets={"b": usd("0.0001", on_exceed="downgrade", downgrade_to="small")},
        models={"small": {"targets": targets}},
        providers=own,
    )


def free(name: str, url: str) -> dict[str, Any]:
    """An instance that costs nothing, tried before the dear one."""
    return instance(name, "openai-compatible", f"{url}/v1/chat/completions", priority=2, options={"model": "qwen"})


def dear(url: str) -> dict[str, Any]:
    """An instance no budget has room for."""
    return instance("dear", "openai", url, priority=1, options={"model": "gpt-4o"})


async def test_a_cheaper_model_gets_what_is_left_of_the_tries(till: Till) -> None:
    """A refusal by a budget is no try; what was sent before counts."""
    async with providers(BAD, BAD, GOOD) as [first, small, never]:
        instances = (free("a", first.url), dear(never.url))
        await turning(till, instances, [small.url, never.url], max_retries=1)
        got = await till.ask(ASK)
        assert got.status == 503
        assert [one.target for one in got.ex.attempts] == ["a", "own0"]
        assert not never.received


async def test_a_cheaper_model_gets_what_is_left_of_the_time(till: Till) -> None:
    """The total time is one for everything that is tried."""
    async with providers(silence(), silence(), GOOD) as [first, small, never]:
        timeouts = {"total": 600, "first_byte": 400}
        await turning(till, (free("a", first.url), dear(never.url)), [small.url], timeouts=timeouts)
        got = await till.ask(ASK)
        assert got.status == 503
        last = got.ex.attempts[-1]
        assert last.target == "own0"
        assert last.ended_s is not None
        assert 0.5 < last.ended_s - got.ex.attempts[0].started_s < 0.75


async def test_the_preferred_target_of_the_cheaper_model_comes_first(till: Till) -> None:
    """By priority, as anywhere else where a model stands in."""
    async with providers(GOOD, GOOD) as [first, second]:
        await turning(till, (dear(first.url),), [first.url, second.url])
        assert (await till.ask(ASK)).header("x-tollhouse-target") == "own0"
