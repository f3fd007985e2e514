"""Answers judged outside before the client sees them, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.dispatching import Answer, Bench, chat, data_lines, instance
from tests.support.judge_server import JudgeServer, judge_server
from tests.support.providers import OPENAI_STREAM, answer, openai_reply, providers, stream

BAD = "poison"


def verdict(asked: dict[str, Any]) -> dict[str, Any]:
    """Blocks what holds the word."""
    assert asked["direction"] == "output"
    return {"action": "block" if BAD in asked["segments"][0]["text"] else "allow", "categories": ["harm"]}


def said(*words: str) -> list[bytes]:
    """An OpenAI stream."""
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini", "odd": 1}
    chunks = [{**head, "choices": [{"index": 0, "delta": {"content": one}, "finish_reason": None}]} for one in words]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24}
    chunks.append({**head, "choices": [], "usage": usage})
    return [f"data: {json.dumps(one)}\n\n".encode() for one in chunks] + [b"data: [DONE]\n\n"]


def paused(*words: str) -> list[bytes | float]:
    """The same with each event on its own."""
    return [one for raw in said(*words) for one in (raw, 0.002)]


async def asked(gate: Bench, judge: JudgeServer, behaviour: Any, *, streaming: bool, **config: Any) -> Answer:
    """Through a route whose answers the judge sees."""
    judge.answer = judge.answer or verdict
    async with providers(behaviour, answer(200, openai_reply())) as [fake, other]:
        multi = {"instances": [instance("one", "openai", fake.url, priority=1), instance("two", "openai", other.url)]}
        moderation = {"judge": "http", "endpoint": judge.url, "direction": "output", **config}
        plugins = {"ai-proxy-multi": {**multi, "fallback_strategy": "any"}, "ai-moderation": moderation}
        await gate.load(routes={"r": {"uri": "/*", "plugins": plugins}})
        options = {"stream": True, "stream_options": {"include_usage": True}} if streaming else {}
        got = await gate.ask(chat(**options))
        assert not other.received  # what a judge keeps back is not asked of somebody else
        return got


async def test_a_good_answer_passes_byte_for_byte(gate: Bench) -> None:
    """Whole, held to the end, and in pieces."""
    whole = openai_reply()
    async with judge_server() as judge:
        got = await asked(gate, judge, answer(200, whole), streaming=False)
        assert got.json == whole
        for batch in (0, 4):
            given = said("Hello ", "there, ", "how ", "are ", "you?")
            got = await asked(gate, judge, stream(*given), streaming=True, batch_chars=batch)
            assert got.body == b"".join(given)
            assert got.ex.usage is not None
            assert got.ex.usage.output_tokens == 4


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_bad_answer_is_not_seen(gate: Bench, streaming: bool) -> None:
    """400 in the client's format, paid for all the same; or a model's refusal where that is wanted."""
    reply = openai_reply()
    reply["choices"][0]["message"]["content"] = f"some {BAD}"
    async with judge_server() as judge:
        given = stream(*said("some ", "poi", "son")) if streaming else answer(200, reply)
        got = await asked(gate, judge, given, streaming=streaming)
        assert got.status == 400, got.body
        assert got.json["error"]["code"] in ("content_blocked", "content_policy_violation")
        assert BAD.encode() not in got.body
        assert got.ex.usage is not None
        assert got.ex.usage.output_tokens > 0
        assert got.ex.cost_nano > 0
        got = await asked(gate, judge, given, streaming=streaming, as_refusal=True)
        assert got.status == 200
        assert BAD.encode() not in got.body
        assert b"content_filter" in got.body


async def test_a_late_block_ends_the_stream_well(gate: Bench) -> None:
    """What was judged good went out; the rest never does, and the end is an error event."""
    words = [*("good words. " for _ in range(20)), "then ", BAD]
    async with judge_server() as judge:
        got = await asked(gate, judge, stream(*paused(*words)), streaming=True, batch_chars=30)
        assert got.status == 200
        assert BAD.encode() not in got.body
        assert got.body.count(b"good words") >= 18
        assert b"withheld" in got.body
        assert got.body.endswith(b"data: [DONE]\n\n") or b'"error"' in got.body


async def test_nothing_hides_in_a_seam(gate: Bench) -> None:
    """Each piece is judged with what stood before."""
    async with judge_server() as judge:
        got = await asked(gate, judge, stream(*paused("abcdef poi", "son ghijkl")), streaming=True, batch_chars=5)
        assert b"abcdef" in got.body
        assert b"son ghijkl" not in got.body


async def test_a_judge_that_fails_keeps_back_unless_opened(gate: Bench) -> None:
    """By the choice for its failure."""
    async with judge_server() as judge:
        judge.status = 500
        for choice, status in (("block", 400), ("allow", 200)):
            got = await asked(gate, judge, stream(*OPENAI_STREAM), streaming=True, on_error=choice)
            assert got.status == status


async def test_the_judge_sees_masked_values_and_the_client_its_own(gate: Bench) -> None:
    """Moderation comes before masked values come back."""
    async with judge_server() as judge:
        judge.answer = lambda told: {"action": "block" if "kim@" in str(told) else "allow"}

        async def echo(received: Any, writer: Any) -> None:
            content = received.json["messages"][0]["content"]
            await stream(*said("You wrote ", content))(received, writer)

        async with providers(echo) as [fake]:
            plugins = {
                "ai-guard": {},
                "ai-moderation": {"judge": "http", "endpoint": judge.url, "direction": "both"},
                "ai-proxy-multi": {"instances": [instance("one", "openai", fake.url)]},
            }
            await gate.load(routes={"r": {"uri": "/*", "plugins": plugins}})
            got = await gate.ask(chat("write to kim@hidden-mail.io", stream=True))
        assert got.status == 200, got.body
        assert "kim@hidden-mail.io" in "".join(
            one["choices"][0]["delta"].get("content") or "" for one in data_lines(got.body) if one["choices"]
        )
        assert [one["direction"] for one in judge.asked] == ["input", "output"]


async def test_what_is_told_only_at_its_end_is_not_let_go_before(gate: Bench) -> None:
    """Free-form input of a call in responses, though it is high time to judge what came before."""
    item = {"type": "custom_tool_call", "id": "i1", "call_id": "c1", "name": "patch", "input": ""}
    text = {"item_id": "m1", "output_index": 0, "content_index": 0}
    call = {"item_id": "i1", "output_index": 1}
    bodies: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r", "model": "m", "output": []}},
        {"type": "response.output_text.delta", **text, "delta": "Hi. "},
        {"type": "response.output_item.added", "output_index": 1, "item": item},
        *[{"type": "response.custom_tool_call_input.delta", **call, "delta": piece} for piece in ("poi", "son")],
        {"type": "response.output_item.done", "output_index": 1, "item": {**item, "input": BAD}},
        {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}},
    ]
    raw = [f"data: {json.dumps(body)}\n\n".encode() for body in bodies]
    events = [b"".join(raw[:3]), 0.15, raw[3], 0.02, raw[4], 0.02, *raw[5:]]

    def toxic(asked: dict[str, Any]) -> dict[str, Any]:
        bad = any(BAD in one["Text"] for one in asked["TextSegments"])
        return {"ResultList": [{"Toxicity": 0.9 if bad else 0.1}]}

    async with judge_server() as judge, providers(stream(*events)) as [fake]:
        judge.answer = toxic
        account = {"access_key_id": "a", "secret_access_key": "b", "region": "r", "endpoint": judge.url}
        moderation = {"comprehend": account, "check_request": False, "check_response": True, "deny_code": 400}
        moderation |= {"stream_check_mode": "realtime", "stream_check_interval": 0.1}
        multi = {"instances": [instance("one", "openai", f"{fake.url}/v1/responses")]}
        plugins = {"ai-proxy-multi": multi, "ai-aws-content-moderation": moderation}
        await gate.load(routes={"r": {"uri": "/*", "plugins": plugins}})
        got = await gate.ask({"model": "m", "input": "hello", "stream": True}, "/v1/responses")
        assert got.status == 400, got.body
        assert b'"poi"' not in got.body
