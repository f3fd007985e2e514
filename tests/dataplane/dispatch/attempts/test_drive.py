"""Failing over against real servers: refusals, errors inside streams, cuts, slowness."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.targets import states_of

from tests.support.dispatching import Bench, chat, instance, message
from tests.support.providers import (
    ANTHROPIC_STREAM,
    OPENAI_ERRORS,
    OPENAI_STREAM,
    answer,
    anthropic_event,
    openai_reply,
    providers,
    silence,
    stream,
)

GOOD = answer(200, openai_reply("from the second"))
ANY = {"fallback_strategy": "any"}


async def two(gate: Bench, first: str, second: str, **config: Any) -> None:
    """The first by priority, the second behind it."""
    await gate.multi(instance("a", "openai", first, priority=1), instance("b", "openai", second), **{**ANY, **config})


@pytest.mark.parametrize("status", [401, 429, 500, 529])
async def test_a_refusal_moves_on(gate: Bench, status: int) -> None:
    """The client sees the second's answer; both attempts are on the books."""
    async with providers(answer(status, OPENAI_ERRORS[status]), GOOD) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat())
        assert got.status == 200
        assert got.json["choices"][0]["message"]["content"] == "from the second"
        assert [one.target for one in got.ex.attempts] == ["a", "b"]
        assert got.ex.attempts[0].status == status
        assert got.header("x-tollhouse-attempts") == "2"
        assert sum(gate.counted("tollhouse_failovers_total").values()) == 1
        assert len(gate.counted("tollhouse_attempts_total")) == 2


async def test_a_refused_connection_moves_on_at_once(gate: Bench) -> None:
    """Nobody listens: the next target is asked without a wait, and after three times the dead one is skipped."""
    async with providers(GOOD, GOOD) as [first, second]:
        await first.stop()
        await two(gate, first.url, second.url)
        for _ in range(3):
            got = await gate.ask(chat())
            assert [one.target for one in got.ex.attempts] == ["a", "b"]
        got = await gate.ask(chat())
        assert [one.target for one in got.ex.attempts] == ["b"]


async def test_without_a_strategy_the_first_answer_stands(gate: Bench) -> None:
    """APISIX: 429 and 5xx pass through with their status, body and Retry-After; nothing is tried again."""
    for status in (429, 500, 529):
        async with providers(answer(status, OPENAI_ERRORS[status], {"retry-after": "7"}), GOOD) as [first, second]:
            await two(gate, first.url, second.url, fallback_strategy=None)
            got = await gate.ask(chat())
            assert (got.status, got.json) == (status, OPENAI_ERRORS[status])
            assert got.header("retry-after") == "7"
            assert not second.received
            assert len(first.received) == 1


async def test_a_rejected_key_is_never_quoted(gate: Bench) -> None:
    """A client must not think its own key is bad, nor see ours."""
    async with providers(answer(401, OPENAI_ERRORS[401])) as [first]:
        await gate.multi(instance("a", "openai", first.url))
        got = await gate.ask(chat())
        assert got.status == 502
        assert b"sk-" not in got.body
        assert b"gateway's credentials" in got.body


async def test_all_down_is_one_503_with_every_cause(gate: Bench) -> None:
    """The last word names what each target said; all rate limited stays 429 with the shortest wait."""
    async with providers(answer(500, OPENAI_ERRORS[500]), answer(503, b"busy")) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat())
        assert got.status == 503
        told = got.json["error"]["message"]
        assert "The server had an error" in told
        assert "busy" in told
    busy = OPENAI_ERRORS[429]
    async with providers(answer(429, busy, {"retry-after": "9"}), answer(429, busy, {"retry-after": "4"})) as [
        first,
        second,
    ]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat())
        assert (got.status, got.header("retry-after")) == (429, "4")


@pytest.mark.parametrize(
    ("provider", "event"),
    [
        ("openai", b'data: {"error":{"message":"boom","type":"server_error"}}\n\n'),
        ("anthropic", anthropic_event("error", error={"type": "overloaded_error", "message": "Overloaded"})),
    ],
)
@pytest.mark.parametrize("client", ["openai", "anthropic"])
async def test_an_error_inside_a_200_stream_moves_on(gate: Bench, provider: str, event: bytes, client: str) -> None:
    """Until the first content nothing has reached the client, so another target can still answer."""
    opening = OPENAI_STREAM[0] if provider == "openai" else ANTHROPIC_STREAM[0]
    good = stream(*(OPENAI_STREAM if client == "openai" else ANTHROPIC_STREAM))
    async with providers(stream(opening, event), good) as [first, second]:
        await gate.multi(instance("a", provider, first.url, priority=1), instance("b", client, second.url), **ANY)
        asked, path = (chat, "/v1/chat/completions") if client == "openai" else (message, "/v1/messages")
        got = await gate.ask(asked(stream=True), path)
        assert got.header("x-tollhouse-target") == "b"
        assert b"boom" not in got.body
        assert b"Hello" in got.body
        assert len(got.ex.attempts) == 2


async def test_a_stream_cut_before_content_moves_on(gate: Bench) -> None:
    """Only the role has come: that is no content."""
    async with providers(stream(OPENAI_STREAM[0], cut=True), stream(*OPENAI_STREAM)) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat(stream=True))
        assert got.header("x-tollhouse-target") == "b"
        assert got.body.count(b'"role":"assistant"') == 1


async def test_a_silent_target_is_left_after_its_time(gate: Bench) -> None:
    """No first byte within the phase's time: the next target answers."""
    async with providers(silence(), GOOD) as [first, second]:
        await two(gate, first.url, second.url, timeouts={"first_byte": 80})
        got = await gate.ask(chat())
        assert got.status == 200
        assert got.ex.attempts[0].failure is not None
        assert got.ex.attempts[0].failure.kind == "timeout"
        assert await asyncio.wait_for(first.received[0].closed.wait(), 2)


async def test_statuses_of_the_strategy_decide(gate: Bench) -> None:
    """``http_429`` moves on 429 only; ``fallback_http_statuses`` adds its own."""
    async with providers(answer(500, OPENAI_ERRORS[500]), GOOD) as [first, second]:
        await two(gate, first.url, second.url, fallback_strategy=["http_429"])
        assert (await gate.ask(chat())).status == 500
        await two(gate, first.url, second.url, fallback_strategy=["http_429"], fallback_http_statuses=[500])
        assert (await gate.ask(chat())).status == 200


async def test_max_retries_bounds_the_tries(gate: Bench) -> None:
    """One more try, not two."""
    bad = answer(500, OPENAI_ERRORS[500])
    async with providers(bad, bad, GOOD) as [one, two_, three]:
        ranked = zip("abc", (3, 2, 1), (one, two_, three), strict=True)
        made = [instance(name, "openai", fake.url, priority=priority) for name, priority, fake in ranked]
        await gate.multi(*made, **ANY, max_retries=1)
        got = await gate.ask(chat())
        assert len(got.ex.attempts) == 2


async def test_the_only_target_is_tried_again_when_told_to_wait(gate: Bench) -> None:
    """With failing over on and nobody else there, 429 with a short Retry-After is waited for."""
    script = (answer(429, OPENAI_ERRORS[429], {"retry-after": "0.05"}), GOOD)
    async with providers(script) as [only]:
        await gate.multi(instance("a", "openai", only.url), **ANY)
        started = time.monotonic()
        got = await gate.ask(chat())
        assert got.status == 200
        assert time.monotonic() - started >= 0.05
        assert len(only.received) == 2


async def test_when_everything_is_shut_out_the_answer_is_quick(gate: Bench) -> None:
    """All breakers open: 503 without asking anybody, with the time to come back."""
    async with providers(GOOD, GOOD) as [first, second]:
        await first.stop()
        await second.stop()
        await two(gate, first.url, second.url)
        for _ in range(3):
            assert (await gate.ask(chat())).status == 503
        got = await gate.ask(chat())
        assert got.status == 503
        assert got.ex.attempts == []
        assert int(got.header("retry-after")) >= 1


async def test_an_error_inside_a_whole_200_moves_on(gate: Bench) -> None:
    """Some servers put their errors into a 200."""
    async with providers(answer(200, OPENAI_ERRORS[500]), GOOD) as [first, second]:
        await two(gate, first.url, second.url)
        assert (await gate.ask(chat())).header("x-tollhouse-target") == "b"


async def test_all_rate_limited_stays_429_while_they_rest(gate: Bench) -> None:
    """Retry-After rests a target; a request in that time is told 429, without asking anybody."""
    busy = answer(429, OPENAI_ERRORS[429], {"retry-after": "30"})
    async with providers(busy, busy) as [first, second]:
        await two(gate, first.url, second.url)
        await gate.ask(chat())
        got = await gate.ask(chat())
        assert (got.status, got.ex.attempts) == (429, [])
        assert 25 <= int(got.header("retry-after")) <= 30


async def test_a_web_page_is_no_answer(gate: Bench) -> None:
    """A proxy's login page with status 200 fails over instead of reaching an agent."""
    async with providers(answer(200, b"<html>", {"content-type": "text/html"}), GOOD) as [first, second]:
        await two(gate, first.url, second.url)
        assert (await gate.ask(chat())).header("x-tollhouse-target") == "b"


async def test_more_than_a_worker_can_do_is_refused_at_once(gate: Bench) -> None:
    """Before it collapses: 503 with Retry-After and nothing sent; what is under way is answered."""
    async with providers(stream(0.2, *OPENAI_STREAM), GOOD) as [first, second]:
        await two(gate, first.url, second.url)
        states_of(gate.services).most_under_way = 1
        under_way = asyncio.create_task(gate.ask(chat(stream=True)))
        await asyncio.sleep(0.05)
        refused = await gate.ask(chat())
        assert refused.status == 503
        assert refused.header("retry-after") == "1"
        assert refused.json["error"]["code"] == "overloaded"
        assert refused.ex.attempts == []
        assert (await under_way).status == 200
        assert (await gate.ask(chat())).status == 200
