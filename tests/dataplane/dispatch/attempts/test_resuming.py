"""Who goes on with a broken answer, and within which bounds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.dispatching import Bench, chat, data_lines, instance
from tests.support.providers import ANTHROPIC_STREAM, OPENAI_STREAM, openai_chunk, providers, silence, stream

BEGUN = (openai_chunk({"role": "assistant", "content": ""}), openai_chunk({"content": "Once upon "}))
CUT = stream(*BEGUN, cut=True)
REST = stream(*ANTHROPIC_STREAM)
TALE = chat("Tell me a story", stream=True)


async def two(gate: Bench, first: str, second: str, **config: Any) -> None:
    """OpenAI's first, Claude behind it; of weight 0 where ``config`` makes it somebody's stand-in."""
    weight = 0 if "fallbacks" in config else 1
    await gate.multi(
        instance("a", "openai", first, priority=1),
        instance("b", "anthropic", second, weight=weight, options={"model": "claude-haiku-4-5"}),
        **{"fallback_strategy": "any", "continue_streams": True, "hedge_after_ms": None, **config},
    )


@pytest.mark.parametrize(
    ("reason", "continues"), [("availability", True), ("context_too_long", False), ("content_refused", False)]
)
async def test_only_who_stands_in_for_absence_goes_on(gate: Bench, reason: str, continues: bool) -> None:
    """A target that is named for another reason is not asked because a stream broke."""
    async with providers(CUT, REST) as [first, second]:
        await two(gate, first.url, second.url, fallbacks={reason: ["b"]})
        got = await gate.ask(TALE)
        assert (b'"error"' not in got.body) is continues
        assert len(second.received) == continues


async def test_a_continuation_has_what_is_left_of_the_total_time(gate: Bench) -> None:
    """The second part is cut off when the request's own time is over, not the second try's."""
    async with providers(stream(*BEGUN, 0.5, cut=True), stream(*ANTHROPIC_STREAM[:4], 5.0)) as [first, second]:
        await two(gate, first.url, second.url, timeouts={"total": 800})
        began = time.monotonic()
        got = await gate.ask(TALE)
        assert data_lines(got.body)[-1]["error"]["code"] == "provider_timeout"
        assert len(second.received) == 1
        assert time.monotonic() - began < 1.25


async def test_nobody_goes_on_when_time_or_tries_are_over(gate: Bench) -> None:
    """It is a try like any other."""
    async with providers(stream(*BEGUN, 0.3, cut=True), silence()) as [first, second]:
        await two(gate, first.url, second.url, timeouts={"total": 200})
        assert b'"error"' in (await gate.ask(TALE)).body
        await two(gate, first.url, second.url, max_retries=0)
        assert b'"error"' in (await gate.ask(TALE)).body
        assert second.received == []


async def test_the_bounds_of_a_stream_hold_for_both_parts_together(gate: Bench) -> None:
    """``max_response_bytes``: what the first part had is gone; ``max_stream_duration_ms`` runs from its beginning."""
    async with providers(CUT, REST) as [first, second]:
        await two(gate, first.url, second.url)
        whole = len((await gate.ask(TALE)).body)
        await two(gate, first.url, second.url, max_response_bytes=whole - 100)
        assert data_lines((await gate.ask(TALE)).body)[-1]["error"]["code"] == "response_too_large"
    slow = stream(*ANTHROPIC_STREAM[:4], 0.3, *ANTHROPIC_STREAM[4:])
    async with providers(stream(*BEGUN, 0.3, cut=True), slow) as [first, second]:
        await two(gate, first.url, second.url, max_stream_duration_ms=450)
        assert data_lines((await gate.ask(TALE)).body)[-1]["error"]["code"] == "stream_too_long"


@pytest.mark.parametrize(
    ("model", "continues"),
    [("anthropic/claude-sonnet-4.5", True), ("anthropic/claude-opus-4.6", False), ("openai/gpt-4o", False)],
)
async def test_a_model_goes_on_whoever_sells_it(gate: Bench, model: str, continues: bool) -> None:
    """Facts of the model decide, under whatever name a broker has it."""
    auth = {"auth": {"header": {"authorization": "Bearer k"}}}
    async with providers(CUT, stream(*OPENAI_STREAM)) as [first, second]:
        await gate.multi(
            instance("a", "openai", first.url, priority=1),
            instance("b", "openrouter", second.url, options={"model": model}, **auth),
            fallback_strategy="any",
            continue_streams=True,
        )
        got = await gate.ask(TALE)
        assert (b'"error"' not in got.body) is continues
        assert len(second.received) == continues
