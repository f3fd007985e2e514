"""Tools that take one text: elsewhere functions, and calls to them texts again for the client that offered them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import ArgumentsDelta
from tollhouse.dataplane.engine.sse import write_event
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.protocols._freeform import arguments_of, input_of

from tests.support.golden import load
from tests.support.protocols import ANTHROPIC, OPENAI, document, protocol, written

CHAT = protocol(OPENAI).decode_request(document(json.loads(load(OPENAI, "requests", "custom_tools"))))
TEXT = '*** "Begin"\n\u2028 Patch \\'
USE = {"type": "tool_use", "id": "t1", "name": "apply_patch", "input": {"input": TEXT}}
FRAME = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def test_the_answer_of_another_format_calls_it_with_a_text() -> None:
    message = {"id": "m", "model": "m", "content": [USE], "stop_reason": "tool_use", "usage": {"input_tokens": 1}}
    reply = protocol(ANTHROPIC).decode_reply(json.dumps(message).encode())
    body = json.loads(protocol(OPENAI).encode_reply(reply, ReplyContext("m", request=CHAT)))
    [call] = body["choices"][0]["message"]["tool_calls"]
    assert call == {"id": "t1", "type": "custom", "custom": {"name": "apply_patch", "input": TEXT}}
    assert body["choices"][0]["finish_reason"] == "tool_calls"


def test_its_own_answer_is_read_and_written_alike() -> None:
    call = {"id": "c1", "type": "custom", "custom": {"name": "apply_patch", "input": TEXT}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    raw = json.dumps({**FRAME, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}).encode()
    reply = protocol(OPENAI).decode_reply(raw)
    body = json.loads(protocol(OPENAI).encode_reply(reply, ReplyContext("m", request=CHAT)))
    assert body["choices"][0]["message"]["tool_calls"] == [call]


def test_streams_bring_the_text() -> None:
    """From OpenAI in pieces to Anthropic's client, and from there back to one of OpenAI's."""
    begun = {"index": 0, "id": "c1", "type": "custom", "custom": {"name": "apply_patch", "input": ""}}
    pieces: list[dict[str, Any]] = [
        {"index": 0, "custom": {"input": TEXT[at : at + 5]}} for at in range(0, len(TEXT), 5)
    ]
    deltas = [{"tool_calls": [one]} for one in (begun, *pieces)]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    raw = b"".join(write_event(json.dumps({**FRAME, "choices": [one]}).encode()) for one in choices)
    events = protocol(OPENAI).stream_decoder().feed(raw + write_event(b"[DONE]"))
    arguments = "".join(event.json for event in events if isinstance(event, ArgumentsDelta))
    assert json.loads(arguments) == {"input": TEXT}
    shown = [one for one in written(OPENAI, events, request=CHAT) if one != "[DONE]"]
    calls = [call for one in shown for call in one["choices"][0]["delta"].get("tool_calls", ())]
    assert calls[0]["type"] == "custom"
    assert "".join(call["custom"]["input"] for call in calls) == TEXT
    blocks = written(ANTHROPIC, events, provider_format=OPENAI)
    told = "".join(one["delta"].get("partial_json", "") for one in blocks if one["type"] == "content_block_delta")
    assert json.loads(told) == {"input": TEXT}


@pytest.mark.parametrize("text", ["", "a", '"', "\\", "\n\u2028\U0001f600"])
def test_texts_survive_their_wrapping(text: str) -> None:
    assert json.loads(arguments_of(text)) == {"input": text}
    assert input_of(arguments_of(text)) == text


@pytest.mark.parametrize("odd", ["{oops", '"just text"', "[1]", '{"other":1}'])
def test_arguments_of_another_shape_are_the_text(odd: str) -> None:
    assert input_of(odd) == odd.strip('"')
