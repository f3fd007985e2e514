"""Legacy completions: passed where they are known, a user's message elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai.types import Completion
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.dispatching import Bench, bench
from tests.support.golden import load
from tests.support.protocols import ANTHROPIC, document, protocol
from tests.support.providers import answer, providers

FORMAT = protocol("openai_completions")


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


async def test_openai_is_asked_as_it_came_and_its_usage_counted(gate: Bench) -> None:
    choice = {"index": 0, "text": " there", "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    reply = {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }
    asked = {"model": "gpt-3.5-turbo-instruct", "prompt": ["Hello", "You"], "echo": True}
    async with providers(answer(200, reply)) as [fake]:
        await gate.multi({"name": "one", "provider": "openai", "weight": 1, "override": {"endpoint": fake.url}})
        got = await gate.ask(asked, "/v1/completions")
    assert got.json == reply
    assert (fake.received[0].target, fake.received[0].json) == ("/v1/completions", asked)
    assert got.ex.attempts[0].usage is not None
    assert got.ex.attempts[0].usage.output_tokens == 3


@pytest.mark.parametrize("stream", [False, True])
async def test_claude_answers_a_prompt(gate: Bench, stream: bool) -> None:
    kind = ("streams", "text", ".sse") if stream else ("replies", "text", ".json")
    content_type = {"content-type": "text/event-stream"} if stream else None
    async with providers(answer(200, load(ANTHROPIC, *kind), content_type)) as [fake]:
        await gate.multi({"name": "one", "provider": "anthropic", "weight": 1, "override": {"endpoint": fake.url}})
        asked = {"model": "claude", "prompt": "Hello", "max_tokens": 9, "best_of": 1, "stream": stream}
        got = await gate.ask(asked, "/v1/completions")
    assert got.status == 200, got.body
    assert fake.received[0].json["messages"] == [{"role": "user", "content": "Hello"}]
    if not stream:
        assert Completion.model_validate(got.json).choices[0].text
        assert got.header("x-tollhouse-dropped") == "best_of"
        return
    events = got.body.decode().strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    pieces = [
        Completion.model_validate_json(event[6:].replace('"finish_reason":null', '"finish_reason":"stop"'))
        for event in events[:-1]
    ]
    assert all(piece.choices for piece in pieces)
    assert "".join(piece.choices[0].text for piece in pieces)


@pytest.mark.parametrize("fields", [{}, {"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {"prompt": "a", "suffix": "b"}])
def test_what_a_chat_cannot_be_asked_is_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match=r"prompt|suffix"):
        FORMAT.decode_request(document({"model": "m", **fields}))


def test_a_stream_is_read_watched_and_written_alike() -> None:
    chunks: list[Any] = [
        {"id": "c", "model": "m", "created": 1, "choices": [{"index": 0, "text": text, "finish_reason": finish}]}
        for text, finish in (("Hel", None), ("lo", None), ("", "stop"))
    ]
    chunks.append({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}})
    raw = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    reader = FORMAT.usage_reader(hide_usage=True)
    assert b"usage" not in reader.feed(raw)
    assert (reader.has_content, reader.ended, reader.usage.output_tokens) == (True, True, 2)
    decoder = FORMAT.stream_decoder()
    events = [event for at in range(len(raw)) for event in decoder.feed(raw[at : at + 1])]
    encoder = FORMAT.stream_encoder(ReplyContext("m", stream_usage=True))
    again = FORMAT.stream_decoder().feed(b"".join(map(encoder.encode, events)))
    assert again == events
