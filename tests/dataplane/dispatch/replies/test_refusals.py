"""Refusals that come as answers of 200, where somebody is named to take over for refused content."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.dispatching import Answer, Bench, chat, instance, message
from tests.support.providers import (
    ANTHROPIC_STREAM,
    OPENAI_STREAM,
    answer,
    anthropic_event,
    openai_chunk,
    openai_reply,
    providers,
    stream,
)

BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 7}}
FILTERED: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "content_filter"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7},
}
PARTLY = json.loads(json.dumps(FILTERED).replace('"content": ""', '"content": "Well,"'))
ANSWERED = {
    "type": "message",
    "id": "m",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 1},
}
FILTERED_STREAM = [
    openai_chunk({"role": "assistant", "content": ""}),
    openai_chunk({"content": "", "refusal": None}),
    openai_chunk({}, "content_filter"),
]
GEMINI = {"auth": {"header": {"x-goog-api-key": "k"}}}


async def refused_by(
    gate: Bench, vendor: str, behaviour: Any, asked: Any, path: str, good: Any, **config: Any
) -> Answer:
    """The vendor, and one who is named for what it refuses."""
    model = {"options": {"model": "gemini-2.5-flash"}} if vendor == "gemini" else {}
    auth = GEMINI if vendor == "gemini" else {}
    async with providers(behaviour, good) as [first, second]:
        await gate.multi(
            instance("a", vendor, first.url, **auth, **model),
            instance("lenient", "anthropic" if path.endswith("messages") else "openai", second.url, weight=0),
            **{"fallback_strategy": "any", "fallbacks": {"content_refused": ["lenient"]}, **config},
        )
        return await gate.ask(asked, path)


CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@pytest.mark.parametrize(
    ("vendor", "behaviour", "asked", "path", "good"),
    [
        ("openai", answer(200, FILTERED), chat(), CHAT, answer(200, openai_reply("Hello"))),
        ("openai", stream(*FILTERED_STREAM, b"data: [DONE]\n\n"), chat(stream=True), CHAT, stream(*OPENAI_STREAM)),
        ("gemini", answer(200, BLOCKED), message(), MESSAGES, answer(200, ANSWERED)),
        (
            "anthropic",
            stream(
                ANTHROPIC_STREAM[0],
                anthropic_event("message_delta", delta={"stop_reason": "refusal"}, usage={"output_tokens": 1}),
                anthropic_event("message_stop"),
            ),
            message(stream=True),
            MESSAGES,
            stream(*ANTHROPIC_STREAM),
        ),
    ],
)
async def test_an_empty_refusal_is_answered_by_who_is_named_for_it(
    gate: Bench, vendor: str, behaviour: Any, asked: Any, path: str, good: Any
) -> None:
    """The client sees one answer; both attempts are on the books."""
    got = await refused_by(gate, vendor, behaviour, asked, path, good)
    assert got.status == 200, got.body
    assert [one.target for one in got.ex.attempts] == ["a", "lenient"]
    first = got.ex.attempts[0]
    assert first.failure is not None
    assert (first.status, first.failure.kind, first.failure.fault) == (200, "content_refused", "agent")
    assert first.usage is not None
    assert first.usage.input_tokens > 0
    assert b"Hello" in got.body


@pytest.mark.parametrize(
    ("behaviour", "asked"),
    [
        (answer(200, PARTLY), chat()),
        (stream(openai_chunk({"content": "Well,"}), *FILTERED_STREAM[2:], b"data: [DONE]\n\n"), chat(stream=True)),
        (answer(200, openai_reply("fine")), chat()),
        (stream(*OPENAI_STREAM), chat(stream=True)),
    ],
)
async def test_what_has_content_is_the_answer(gate: Bench, behaviour: Any, asked: Any) -> None:
    """However it ends."""
    got = await refused_by(gate, "openai", behaviour, asked, CHAT, answer(500, b""))
    assert got.status == 200
    assert [one.target for one in got.ex.attempts] == ["a"]
    assert got.ex.attempts[0].failure is None


async def test_without_somebody_named_the_refusal_is_the_answer(gate: Bench) -> None:
    """As it came; so is that of whoever was named."""
    for config in ({"fallbacks": {"availability": ["lenient"]}}, {"fallbacks": None}):
        got = await refused_by(gate, "openai", answer(200, FILTERED), chat(), CHAT, answer(500, b""), **config)
        assert (got.status, got.json["choices"][0]["finish_reason"]) == (200, "content_filter")
        assert len(got.ex.attempts) == 1
    got = await refused_by(gate, "openai", answer(200, FILTERED), chat(), CHAT, answer(200, FILTERED))
    assert (got.status, got.json["choices"][0]["finish_reason"]) == (200, "content_filter")
    assert [one.target for one in got.ex.attempts] == ["a", "lenient"]
