"""Failing over against real servers: refusals, errors inside streams, cuts, slowness, clients that leave."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.reply import Reply

from tests.support.dispatching import Bench, chat, data_lines, instance, message
from tests.support.providers import (
    ANTHROPIC_STREAM,
    OPENAI_ERRORS,
    OPENAI_STREAM,
    answer,
    anthropic_event,
    anthropic_reply,
    openai_chunk,
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


async def test_a_bad_request_is_final_and_told_in_the_providers_words(gate: Bench) -> None:
    """400 does not burn the second target; the provider's own document reaches a client of the same format."""
    async with providers(answer(400, OPENAI_ERRORS[400]), GOOD) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat())
        assert (got.status, got.json) == (400, OPENAI_ERRORS[400])
        assert not second.received


async def test_another_formats_error_is_told_in_the_clients_shape(gate: Bench) -> None:
    """An OpenAI provider's 400 to an Anthropic client: Anthropic's shape, the provider's sentence."""
    async with providers(answer(400, OPENAI_ERRORS[400])) as [first]:
        await gate.multi(instance("a", "openai", first.url))
        got = await gate.ask(message(model="gpt-4o-mini"), "/v1/messages")
        assert got.status == 400
        assert got.json["type"] == "error"
        assert got.json["error"]["message"] == "messages[0].role is wrong"


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


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize(
    ("client", "provider"),
    [("openai", "openai"), ("openai", "anthropic"), ("anthropic", "openai"), ("anthropic", "anthropic")],
)
async def test_a_stream_that_breaks_after_content_ends_in_an_error_event(
    gate: Bench, client: str, provider: str, cut: bool
) -> None:
    """Broken off or ended without its end mark: no second try, a well-formed error, usage estimated from what came."""
    pieces = OPENAI_STREAM[:3] if provider == "openai" else ANTHROPIC_STREAM[:4]
    async with providers(stream(*pieces, cut=cut), GOOD) as [first, second]:
        await gate.multi(instance("a", provider, first.url, priority=1), instance("b", "openai", second.url), **ANY)
        asked, path = (chat, "/v1/chat/completions") if client == "openai" else (message, "/v1/messages")
        model = "gpt-4o-mini" if provider == "openai" else "claude-haiku-4-5"
        got = await gate.ask(asked(model=model, stream=True), path)
        assert not second.received
        assert b"[DONE]" not in got.body
        last = data_lines(got.body)[-1]
        assert "error" in last
        assert client == "openai" or last["type"] == "error"
        attempt = got.ex.attempts[0]
        assert attempt.failure is not None
        assert attempt.failure.kind == "cut"
        assert attempt.usage is not None
        assert attempt.usage.estimated
        assert attempt.usage.output_tokens >= 2
        assert got.ex.cost_nano > 0


async def test_a_providers_error_after_content_is_told_once(gate: Bench) -> None:
    """Same format: the provider's own error event is the end; another format: it is translated."""
    bad = stream(*OPENAI_STREAM[:2], b'data: {"error":{"message":"boom","type":"server_error"}}\n\n')
    async with providers(bad) as [first]:
        await gate.multi(instance("a", "openai", first.url))
        got = await gate.ask(chat(stream=True))
        assert got.body.count(b"boom") == 1
        assert got.ex.attempts[0].failure is not None
        got = await gate.ask(message(model="gpt-4o-mini", stream=True), "/v1/messages")
        assert data_lines(got.body)[-1]["type"] == "error"
        assert got.body.count(b"boom") == 1


async def test_a_silent_target_is_left_after_its_time(gate: Bench) -> None:
    """No first byte within the phase's time: the next target answers."""
    async with providers(silence(), GOOD) as [first, second]:
        await two(gate, first.url, second.url, timeouts={"first_byte": 80})
        got = await gate.ask(chat())
        assert got.status == 200
        assert got.ex.attempts[0].failure is not None
        assert got.ex.attempts[0].failure.kind == "timeout"
        assert await asyncio.wait_for(first.received[0].closed.wait(), 2)


async def test_a_stalled_stream_ends_in_an_error_event(gate: Bench) -> None:
    """Content came, then nothing: the idle time ends it well."""
    async with providers(stream(*OPENAI_STREAM[:2], 5.0)) as [first]:
        await gate.multi(instance("a", "openai", first.url), timeouts={"idle": 80})
        got = await gate.ask(chat(stream=True))
        assert "error" in data_lines(got.body)[-1]


async def _read_some(reply: Reply) -> Any:
    assert reply.stream is not None
    stream_: Any = reply.stream
    await anext(stream_)
    return stream_


async def test_a_client_that_leaves_closes_the_provider_at_once(gate: Bench) -> None:
    """In the middle of a stream: the upstream connection is closed, what was seen is paid for, marked estimated."""
    async with providers(stream(*OPENAI_STREAM[:3], 30.0)) as [first]:
        await gate.multi(instance("a", "openai", first.url))
        reply, ex = await gate.begin(chat(stream=True))
        body = await _read_some(reply)
        await body.aclose()
        await asyncio.wait_for(first.received[0].closed.wait(), 2)
        assert ex.usage is not None
        assert ex.usage.estimated
        assert ex.cost_nano > 0
        assert [key[-1] for key in gate.counted("tollhouse_attempts_total")] == ["cancelled"]


async def test_a_reply_never_read_leaves_nothing_open(gate: Bench) -> None:
    """The client left before the first byte was written."""
    async with providers(stream(*OPENAI_STREAM[:3], 30.0)) as [first]:
        await gate.multi(instance("a", "openai", first.url))
        reply, _ = await gate.begin(chat(stream=True))
        body: Any = reply.stream
        await body.aclose()
        await asyncio.wait_for(first.received[0].closed.wait(), 2)
        assert [state.in_flight for state in gate.services.targets] == [0]


async def test_cancelling_before_the_head_closes_the_provider(gate: Bench) -> None:
    """The client left while the provider was thinking."""
    async with providers(silence()) as [first]:
        await gate.multi(instance("a", "openai", first.url))
        task = asyncio.create_task(gate.begin(chat()))
        while not first.received:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(first.received[0].closed.wait(), 2)
        assert [state.in_flight for state in gate.services.targets] == [0]


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


async def test_a_body_edited_for_one_target_does_not_leak_to_the_next(gate: Bench) -> None:
    """Options of the failed instance stay with it."""
    async with providers(answer(500, OPENAI_ERRORS[500]), answer(200, anthropic_reply())) as [first, second]:
        await gate.multi(
            instance("a", "openai", first.url, priority=1, options={"model": "gpt-4o", "seed": 7}),
            instance("b", "anthropic", second.url, options={"model": "claude-haiku-4-5"}),
            **ANY,
        )
        got = await gate.ask(chat(model="whatever"))
        assert got.status == 200
        sent = second.received[0].json
        assert sent["model"] == "claude-haiku-4-5"
        assert "seed" not in sent
        assert got.ex.document is not None
        assert got.ex.document.get("model") == "whatever"


async def test_limits_of_the_answer_end_it_well(gate: Bench) -> None:
    """``max_response_bytes``: a stream ends in an error event, a whole answer in an error."""
    async with providers(stream(*OPENAI_STREAM[:2], *[openai_chunk({"content": "x" * 50})] * 50)) as [first]:
        await gate.multi(instance("a", "openai", first.url), max_response_bytes=2000)
        got = await gate.ask(chat(stream=True))
        assert data_lines(got.body)[-1]["error"]["code"] == "response_too_large"
    async with providers(answer(200, openai_reply("x" * 5000))) as [first]:
        await gate.multi(instance("a", "openai", first.url), max_response_bytes=2000)
        assert (await gate.ask(chat())).status == 502


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


async def test_without_keepalive_each_request_has_its_connection(gate: Bench) -> None:
    """``keepalive: false`` asks the provider to close."""
    async with providers(GOOD) as [fake]:
        await gate.multi(instance("a", "openai", fake.url), keepalive=False)
        await gate.ask(chat())
        assert fake.received[0].headers["connection"] == "close"


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
