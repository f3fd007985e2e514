"""Messages, in and out, beyond the fixtures."""

from __future__ import annotations

import json

import pytest
from tollhouse.dataplane.chat import ChatReply, Choice, Opaque, Refusal, Text, ToolCall, Usage
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.protocols import ANTHROPIC, protocol


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"content": {}}', b'{"content": [1]}'])
def test_what_is_no_message_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        protocol(ANTHROPIC).decode_reply(body)
    assert (caught.value.status, caught.value.code) == (502, "invalid_upstream_reply")


def test_arguments_that_are_no_object_reach_the_agent_as_they_were_written() -> None:
    parts = [ToolCall("a", "f", "{broken"), ToolCall("b", "f", "[1]"), ToolCall("c", "sent", "")]
    reply = ChatReply("", "m", [Choice(list(parts), "tool_calls")], Usage())
    context = ReplyContext("asked", renamed_tools={"sent": "own"}, request_id="r1")
    body = json.loads(protocol(ANTHROPIC).encode_reply(reply, context))
    assert body["id"] == "msg_r1"
    assert [block["input"] for block in body["content"]] == [{"__invalid_json": "{broken"}, {"__value": [1]}, {}]
    assert body["content"][2]["name"] == "own"
    assert body["stop_reason"] == "tool_use"


def test_foreign_parts_and_empty_texts_are_left_out_and_no_choice_is_an_empty_answer() -> None:
    parts = [Text(""), Opaque("openai_chat", {"audio": {}}), Text("x"), Refusal("no")]
    body = json.loads(
        protocol(ANTHROPIC).encode_reply(ChatReply("1", "m", [Choice(list(parts))], Usage()), ReplyContext("m"))
    )
    assert body["content"] == [{"type": "text", "text": "x"}]
    assert body["stop_details"]["explanation"] == "no"
    empty = json.loads(protocol(ANTHROPIC).encode_reply(ChatReply("1", "m", [], Usage()), ReplyContext("m")))
    assert (empty["content"], empty["stop_reason"]) == ([], "end_turn")
