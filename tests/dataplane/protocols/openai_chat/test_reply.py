"""Replies of servers that are not quite OpenAI."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import ChatReply, Choice, Opaque, Refusal, Text, ToolCall, Usage
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.protocols import OPENAI, protocol


def read(message: dict[str, Any], finish: Any = "stop") -> Choice:
    body = {"choices": [{"message": message, "finish_reason": finish}]}
    return protocol(OPENAI).decode_reply(json.dumps(body).encode()).choices[0]


def test_content_in_parts_and_arguments_as_an_object_are_read() -> None:
    calls = [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]
    choice = read({"content": [{"type": "text", "text": "hi"}], "tool_calls": calls})
    assert choice.parts == [Text("hi"), ToolCall("a", "f", '{"x":1}')]
    assert choice.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("length", "length"), ("function_call", "tool_calls"), ("eos", "stop"), (None, "stop"), (7, "stop")],
)
def test_reasons_are_read_and_unknown_ones_are_stops(finish: Any, reason: str) -> None:
    assert read({"content": "x"}, finish).finish_reason == reason


def test_a_refusal_in_words_is_a_refusal() -> None:
    choice = read({"refusal": "no"})
    assert choice.parts == [Refusal("no")]
    assert choice.finish_reason == "refusal"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices": {}}', b'{"choices": [1]}', b'{"choices": [{}]}'])
def test_what_is_no_reply_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        protocol(OPENAI).decode_reply(body)
    assert (caught.value.status, caught.value.code) == (502, "invalid_upstream_reply")


def test_names_are_restored_foreign_parts_left_out_and_dates_filled_in() -> None:
    parts = [ToolCall("a", "sent", ""), Opaque("anthropic_messages", {"type": "x"})]
    reply = ChatReply("", "provider-model", [Choice(list(parts), "tool_calls")], Usage())
    context = ReplyContext("asked", renamed_tools={"sent": "own"}, request_id="r1", created=5)
    body = json.loads(protocol(OPENAI).encode_reply(reply, context))
    assert (body["id"], body["model"], body["created"]) == ("chatcmpl-r1", "asked", 5)
    message = body["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [{"id": "a", "type": "function", "function": {"name": "own", "arguments": "{}"}}]
