"""What a stream says behind its end of what it cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.dispatching import Bench, chat, instance, message
from tests.support.providers import OPENAI_STREAM, answer, openai_reply, providers, stream

GEMINI = {"contents": [{"parts": [{"text": "Hi"}]}]}
RESPONSES = {"model": "gpt-4o-mini", "input": "Hi", "stream": True}


async def told(gate: Bench, path: str, body: dict[str, Any], **config: Any) -> tuple[bytes, Any]:
    """What came, and the exchange."""
    async with providers(stream(*OPENAI_STREAM)) as [fake]:
        await gate.multi(
            instance(
                "a",
                "deepseek",
                fake.url,
                options={"model": "deepseek-chat"},
                auth={"header": {"authorization": "Bearer sk"}},
            ),
            **config,
        )
        got = await gate.ask(body, path, query="alt=sse" if "generate" in path.lower() else "")
        return got.body, got.ex


@pytest.mark.parametrize(
    ("path", "body", "end"),
    [
        ("/v1/chat/completions", chat(stream=True), b"data: [DONE]\n\n"),
        ("/v1/messages", message(stream=True), b'data: {"type":"message_stop"}\n\n'),
        ("/v1/responses", RESPONSES, b"\n\n"),
        ("/v1beta/models/gpt-4o-mini:streamGenerateContent", GEMINI, b"\n\n"),
    ],
)
async def test_it_stands_behind_the_end_in_every_dialect(
    gate: Bench, path: str, body: dict[str, Any], end: bytes
) -> None:
    """An event of a name of its own, a field where clients know no names; cost and tokens are those charged."""
    data, ex = await told(gate, path, body, cost_event=True)
    google = "generate" in path.lower()
    mark = b'data: {"tollhouse.cost":' if google else b"event: tollhouse.cost\ndata: "
    before, _, event = data.partition(mark)
    assert before.endswith(end)
    assert b"\n:" not in data
    cost = json.loads(event.rstrip()[:-1] if google else event)
    assert (cost["cost_usd"], cost["target"], cost["model"]) == (
        f"{ex.cost_nano / 1e9:.9f}".rstrip("0"),
        "a",
        "deepseek-chat",
    )
    assert (cost["input_tokens"], cost["output_tokens"]) == (ex.usage.input_tokens, ex.usage.output_tokens)
    assert (cost["estimated"], cost["attempts"], cost["request"]) == (False, 1, ex.id)


async def test_nobody_is_told_who_did_not_ask(gate: Bench) -> None:
    """Off unless the route says so; and a stream that broke tells its error, not a cost."""
    data, _ = await told(gate, "/v1/chat/completions", chat(stream=True))
    assert b"tollhouse.cost" not in data
    async with providers(stream(*OPENAI_STREAM[:2], cut=True)) as [fake]:
        await gate.multi(instance("a", "openai", fake.url), cost_event=True)
        got = await gate.ask(chat(stream=True))
    assert b"tollhouse.cost" not in got.body


async def test_an_answer_that_came_whole_tells_it_too(gate: Bench) -> None:
    """To a client that wanted a stream."""
    async with providers(answer(200, openai_reply("hello"))) as [fake]:
        await gate.multi(instance("a", "openai", fake.url), cost_event=True)
        got = await gate.ask(chat(stream=True))
    assert b"event: tollhouse.cost\n" in got.body
