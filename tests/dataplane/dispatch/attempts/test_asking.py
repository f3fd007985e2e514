"""One try against real servers: what is final, how streams end, clients that leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.runtime.upstream import response

from tests.support.dispatching import Bench, chat, data_lines, instance, message
from tests.support.providers import (
    ANTHROPIC_STREAM,
    OPENAI_ERRORS,
    OPENAI_STREAM,
    answer,
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


def named(type: str, **fields: Any) -> bytes:
    """An event of the Responses format."""
    return f"event: {type}\ndata: {json.dumps({'type': type, **fields})}\n\n".encode()


BEGUN = {
    "openai": OPENAI_STREAM[:3],
    "anthropic": ANTHROPIC_STREAM[:4],
    "responses": (
        named("response.created", sequence_number=0, response={"id": "resp_1", "status": "in_progress", "output": []}),
        named(
            "response.output_text.delta", sequence_number=1, item_id="m", output_index=0, content_index=0, delta="Hello"
        ),
    ),
    "completions": (b'data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":"Hello there"}]}\n\n',),
}
"""How providers' streams begin that break off."""

TURN = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
CLIENTS: dict[str, tuple[str, Any, Callable[[Any], bool]]] = {
    "openai": ("/v1/chat/completions", chat(stream=True), lambda last: "message" in last["error"]),
    "anthropic": ("/v1/messages", message(stream=True), lambda last: last["type"] == "error"),
    "responses": (
        "/v1/responses",
        {"model": "m", "input": "Hi", "stream": True},
        lambda last: last["type"] == "response.failed" and last["response"]["error"]["message"],
    ),
    "gemini": ("/v1beta/models/m:streamGenerateContent", TURN, lambda last: last["error"]["code"] == 502),
    "completions": ("/v1/completions", {"model": "m", "prompt": "Hi", "stream": True}, lambda last: "error" in last),
}
"""Where clients of each format ask, what, and how they are told that a stream broke."""


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize(
    ("client", "provider"),
    [
        *((client, provider) for client in ("openai", "anthropic", "gemini") for provider in ("openai", "anthropic")),
        *(("responses", "anthropic"), ("responses", "responses"), ("completions", "completions")),
    ],
)
async def test_a_stream_that_breaks_after_content_ends_in_an_error_event(
    gate: Bench, client: str, provider: str, cut: bool
) -> None:
    """Broken off or ended without its end mark: no second try, an error event of the client's own format at the end,
    usage estimated from what came."""
    async with providers(stream(*BEGUN[provider], cut=cut), GOOD) as [first, second]:
        vendor = "anthropic" if provider == "anthropic" else "openai"
        model = "claude-haiku-4-5" if provider == "anthropic" else "gpt-4o-mini"
        mine = instance("a", vendor, first.url, priority=1, options={"model": model})
        await gate.multi(mine, instance("b", "openai", second.url), **ANY)
        path, body, is_told = CLIENTS[client]
        got = await gate.ask(body, path, query="alt=sse" if client == "gemini" else "")
        assert not second.received
        assert b"[DONE]" not in got.body
        assert is_told(data_lines(got.body)[-1])
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
        for _ in range(4):  # the route's own limit: others share the target, so it opens no breaker
            got = await gate.ask(chat())
            assert (got.status, got.json["error"]["code"]) == (502, "response_too_large")
        assert len(first.received) == 4
        assert all(state.breaker.calm for state in states_of(gate.services))


async def test_without_keepalive_each_request_has_its_connection(gate: Bench) -> None:
    """``keepalive: false`` asks the provider to close."""
    async with providers(GOOD) as [fake]:
        await gate.multi(instance("a", "openai", fake.url), keepalive=False)
        await gate.ask(chat())
        assert fake.received[0].headers["connection"] == "close"


async def test_what_one_format_cannot_carry_another_target_gets(gate: Bench) -> None:
    """Claude gives one answer per request; where nobody else is left, the client is told so, and nobody failed."""
    async with providers(answer(200, anthropic_reply()), GOOD) as [first, second]:
        claude = instance("a", "anthropic", first.url, priority=1, options={"model": "claude-haiku-4-5"})
        await gate.multi(claude, instance("b", "openai", second.url), **ANY)
        got = await gate.ask(chat(n=2))
        assert got.status == 200
        assert got.reply.header("x-tollhouse-target") == "b"
        assert not first.received
        await gate.multi(claude, **ANY)
        got = await gate.ask(chat(n=2))
        assert (got.status, got.json["error"]["param"]) == (400, "n")
        await gate.multi(claude, instance("b", "openai", second.url))
        got = await gate.ask(chat(n=2))
        assert (got.status, got.json["error"]["param"]) == (400, "n"), "failing over is off"
        assert not first.received


def slowly(seconds: float, text: str) -> Callable[[Any, Any], Any]:
    """A good answer that takes its time."""

    async def act(received: Any, writer: Any) -> None:
        await asyncio.sleep(seconds)
        await answer(200, openai_reply(text))(received, writer)

    return act


async def test_who_finds_all_targets_full_gets_the_place_that_is_free_first(gate: Bench) -> None:
    """Not only one at the target that was looked at last, which may be the slowest."""
    async with providers(slowly(0.1, "quick"), slowly(1.5, "slow")) as [first, second]:
        await gate.multi(
            instance("a", "openai", first.url, priority=1, max_in_flight=1),
            instance("b", "openai", second.url, max_in_flight=1),
            queue={"wait_ms": 1000},
            **ANY,
        )
        asked = [asyncio.create_task(gate.ask(chat())) for _ in range(4)]
        done, waiting = await asyncio.wait(asked, timeout=1.0)
        assert [one.result().json["choices"][0]["message"]["content"] for one in done] == ["quick"] * 3
        assert (await waiting.pop()).status == 200
        late = [asyncio.create_task(gate.ask(chat())) for _ in range(2)]
        assert [(await one).header("x-tollhouse-target") for one in late] == ["a", "b"]


async def test_an_errors_words_are_not_waited_for(gate: Bench) -> None:
    """The status is there, its document never comes: the next target is asked all the same, for the right reason."""
    head = {"content-length": "1000", "content-type": "application/json"}

    async def act(received: Any, writer: Any) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"HTTP/1.1 500 Oh\r\n{lines}\r\n{{".encode())
        for _ in range(100):
            await writer.drain()
            await asyncio.sleep(0.2)
            writer.write(b" ")

    async with providers(act, GOOD) as [first, second]:
        await two(gate, first.url, second.url)
        got = await asyncio.wait_for(gate.ask(chat()), 3)
        assert (got.status, got.header("x-tollhouse-target")) == (200, "b")
        failure = got.ex.attempts[0].failure
        assert failure is not None
        assert (failure.kind, failure.status) == ("server_error", 500)


def pinging(seconds: float, *, whole: bool = False) -> Callable[[Any, Any], Any]:
    """Signs of life for so long, and nothing else: pings of a stream, or the blanks before a document."""

    async def act(received: Any, writer: Any) -> None:
        kind = "application/json" if whole else "text/event-stream"
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode())
        for _ in range(int(seconds / 0.05)):
            writer.write(b" " if whole else openai_chunk({"content": ""}))
            await writer.drain()
            await asyncio.sleep(0.05)

    return act


@pytest.mark.parametrize("streamed", [False, True])
async def test_who_only_shows_signs_of_life_has_half_of_the_time(gate: Bench, streamed: bool) -> None:
    """A whole answer that drips and a stream without content leave the other target the rest."""
    well = stream(*OPENAI_STREAM) if streamed else GOOD
    async with providers(pinging(5.0, whole=not streamed), well) as [first, second]:
        await two(gate, first.url, second.url, timeouts={"total": 1000})
        began = asyncio.get_running_loop().time()
        got = await gate.ask(chat(stream=streamed))
        assert (got.status, got.header("x-tollhouse-target")) == (200, "b")
        assert asyncio.get_running_loop().time() - began < 1.0


async def test_who_was_full_is_looked_at_again_when_the_other_fails(gate: Bench) -> None:
    """Room has come meanwhile, so nobody is lost."""
    broken = answer(500, {"error": {"message": "no"}})

    async def late(received: Any, writer: Any) -> None:
        await asyncio.sleep(0.3)
        await broken(received, writer)

    async with providers(slowly(0.2, "quick"), late) as [first, second]:
        await gate.multi(
            instance("a", "openai", first.url, priority=1, max_in_flight=1),
            instance("b", "openai", second.url),
            **ANY,
        )
        got = await asyncio.gather(*(gate.ask(chat()) for _ in range(2)))
        assert [one.header("x-tollhouse-target") for one in got] == ["a", "a"]
        assert len(second.received) == 1


async def test_a_whole_answer_does_not_drip_for_ever(gate: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a ``total`` either: no piece of it is late, all of it is."""
    monkeypatch.setattr(response, "LONGEST_READ_S", 0.2)
    async with providers(pinging(3.0, whole=True)) as [first]:
        await gate.multi(instance("a", "openai", first.url))
        got = await asyncio.wait_for(gate.ask(chat()), 2)
        assert (got.status, got.json["error"]["code"]) == (504, "provider_timeout")


async def test_where_nobody_may_be_asked_the_fault_is_named_too(gate: Bench) -> None:
    """An operator keeps all of them shut, say."""
    async with providers(GOOD, GOOD) as [first, second]:
        await two(gate, first.url, second.url)
        assert (await gate.ask(chat())).status == 200
        assert (await gate.ask(chat())).status == 200
        for name in ("a", "b"):
            states_of(gate.services).force(name, "open")
        got = await gate.ask(chat())
        assert (got.status, got.json["error"]["code"]) == (503, "no_target")
        assert got.header("x-tollhouse-fault") == "provider"
