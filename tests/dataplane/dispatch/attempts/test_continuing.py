"""A broken answer, said to its end by another target."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.dispatching import Answer, Bench, chat, data_lines, instance, message
from tests.support.providers import ANTHROPIC_STREAM, OPENAI_STREAM, openai_chunk, providers, stream

CUT = stream(openai_chunk({"role": "assistant", "content": ""}), openai_chunk({"content": "Once upon "}), cut=True)
REST = stream(*ANTHROPIC_STREAM)


def text_of(got: Answer) -> str:
    """What an OpenAI client makes of the stream."""
    deltas = [choice["delta"] for line in data_lines(got.body) for choice in line.get("choices", ())]
    return "".join(delta.get("content") or "" for delta in deltas)


async def two(gate: Bench, first: str, second: str, model: str = "claude-haiku-4-5", **config: Any) -> None:
    """OpenAI's first, Claude behind it."""
    await gate.multi(
        instance("a", "openai", first, priority=1),
        instance("b", "anthropic", second, options={"model": model}),
        **{"fallback_strategy": "any", "continue_streams": True, **config},
    )


async def test_the_client_sees_one_stream(gate: Bench) -> None:
    """The other target gets what was said so far as the beginning of its answer; both parts are on the books."""
    async with providers(CUT, REST) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat("Tell me a story", stream=True, stream_options={"include_usage": True}))
        assert text_of(got) == "Once upon Hello there"
        assert got.body.count(b'"role":"assistant"') == 1
        assert got.body.rstrip().endswith(b"data: [DONE]")
        assert b'"error"' not in got.body
        said = second.received[0].json["messages"][-1]
        assert said["role"] == "assistant"
        assert "Once upon" in str(said["content"])
        assert "Once upon " not in str(said["content"]), "Claude refuses a trailing space"
        one, other = got.ex.attempts
        assert one.failure is not None
        assert one.usage is not None
        assert one.usage.estimated
        assert other.failure is None
        assert one.cost_nano > 0
        assert other.cost_nano > 0
        usage = next(line["usage"] for line in reversed(data_lines(got.body)) if line.get("usage"))
        assert usage["completion_tokens"] > 4


async def test_an_anthropic_stream_goes_on_too(gate: Bench) -> None:
    """Same format on all sides: one message, one text block, one end."""
    async with providers(stream(*ANTHROPIC_STREAM[:4], cut=True), REST) as [first, second]:
        await gate.multi(
            instance("a", "anthropic", first.url, priority=1),
            instance("b", "anthropic", second.url),
            fallback_strategy="any",
            continue_streams=True,
        )
        got = await gate.ask(message(stream=True), "/v1/messages")
        assert got.body.count(b"event: message_start") == 1
        assert got.body.count(b"event: content_block_start") == 1
        assert got.body.count(b"event: content_block_stop") == 1
        assert got.body.count(b"event: message_stop") == 1
        assert b"event: error" not in got.body


@pytest.mark.parametrize(
    "more",
    [
        {"continue_streams": False},
        {"model": "claude-opus-4-6"},
    ],
)
async def test_without_leave_or_a_model_that_can_the_client_is_told(gate: Bench, more: dict[str, Any]) -> None:
    """A well-formed error, as ever."""
    async with providers(CUT, REST) as [first, second]:
        await two(gate, first.url, second.url, **more)
        got = await gate.ask(chat("Tell me a story", stream=True))
        assert data_lines(got.body)[-1]["error"]["code"] == "provider_cut"
        assert second.received == []


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "high"},
        {"n": 2},
    ],
)
async def test_only_plain_text_is_continued(gate: Bench, more: dict[str, Any]) -> None:
    """Tool calls, forced formats and thinking cannot be taken up in the middle."""
    async with providers(CUT, REST) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat("Tell me a story", stream=True, **more))
        assert "error" in data_lines(got.body)[-1]
        assert second.received == []


async def test_once_is_enough(gate: Bench) -> None:
    """If the second breaks off as well, or cannot begin, the client is told."""
    cut_again = stream(*ANTHROPIC_STREAM[:4], cut=True)
    async with providers(CUT, cut_again) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat("Tell me a story", stream=True))
        assert data_lines(got.body)[-1]["error"]["code"] == "provider_cut"
        assert [one.target for one in got.ex.attempts] == ["a", "b"]
        await second.stop()
        got = await gate.ask(chat("Tell me a story", stream=True))
        assert data_lines(got.body)[-1]["error"]["code"] == "provider_cut"


async def test_a_whole_stream_is_left_alone(gate: Bench) -> None:
    """Nothing to continue."""
    async with providers(stream(*OPENAI_STREAM), REST) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat("Tell me a story", stream=True))
        assert text_of(got) == "Hello there"
        assert second.received == []


async def test_a_stream_that_could_be_continued_is_not_written_anew(gate: Bench) -> None:
    """Fields and comments only the provider knows pass, though the gateway remembers the text."""
    odd = openai_chunk({"role": "assistant", "content": "Once"}, citations=["a"])
    async with providers(stream(odd, *OPENAI_STREAM[1:]), REST) as [first, second]:
        await two(gate, first.url, second.url)
        got = await gate.ask(chat("Tell me a story", stream=True))
        assert b'"citations":["a"]' in got.body
        assert second.received == []


async def test_what_a_continued_stream_cannot_show_is_named(gate: Bench) -> None:
    """On routes that continue streams as on others."""
    parts = [{"text": "see"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
    shown = [{"content": {"parts": [part]}} for part in parts] + [{"finishReason": "STOP"}]
    text, picture, end = (f"data: {json.dumps({'candidates': [one]})}\n\n".encode() for one in shown)
    async with providers(stream(text, 0.05, picture, end), REST) as [first, second]:
        await gate.multi(
            instance(
                "a",
                "gemini",
                first.url,
                priority=1,
                options={"model": "gemini-2.5-flash"},
                auth={"header": {"x-goog-api-key": "g"}},
            ),
            instance("b", "anthropic", second.url),
            fallback_strategy="any",
            continue_streams=True,
        )
        got = await gate.ask(message(stream=True), "/v1/messages")
        assert b'"text":"see"' in got.body
        assert got.body.endswith(b'{"type":"message_stop"}\n\n: x-tollhouse-dropped answer.inlineData\n\n')
        assert got.ex.dropped == ["answer.inlineData"]
