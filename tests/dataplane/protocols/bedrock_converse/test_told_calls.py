"""Calls in a conversation whose model must not call."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.validate import ParamValidator
from tollhouse.dataplane.chat import Image, Message, Text, ToolCall, ToolResult
from tollhouse.dataplane.protocols.bedrock_converse.told_calls import in_text

from tests.dataplane.protocols.bedrock_converse.test_official import CONVERSE, given_to_botocore
from tests.support.protocols import OPENAI, document, protocol

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL = {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
MESSAGES = [
    {"role": "user", "content": "go"},
    {"role": "assistant", "content": "I look.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "a", "content": "a cat"},
]


@pytest.mark.parametrize("more", [{}, {"tools": [TOOL], "tool_choice": "none"}])
def test_the_model_is_shown_no_tools_and_reads_of_the_calls(more: dict[str, Any]) -> None:
    """Bedrock demands tools where calls are, and has no word for calling none."""
    chat = protocol(OPENAI).decode_request(document({"model": "m", "messages": MESSAGES, **more}))
    encoded = protocol("bedrock_converse").encode_request(chat, max_output_tokens=None)
    report = ParamValidator().validate({"modelId": "m", **given_to_botocore(encoded.body)}, CONVERSE.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert "toolConfig" not in encoded.body
    assert "toolUse" not in str(encoded.body)
    assert "toolResult" not in str(encoded.body)
    texts = [block["text"] for turn in encoded.body["messages"] for block in turn["content"]]
    assert texts == ["go", "I look.", '[I called the tool look with {"at":1}]', "[The tool look gave back:]\na cat"]
    assert encoded.dropped == []


def test_tools_that_may_be_called_stay_tools() -> None:
    chat = protocol(OPENAI).decode_request(document({"model": "m", "messages": MESSAGES, "tools": [TOOL]}))
    body = protocol("bedrock_converse").encode_request(chat, max_output_tokens=None).body
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "look"
    assert "toolResult" in str(body["messages"])


def test_failures_and_pictures_are_kept() -> None:
    picture = Image(data="AAAA", media_type="image/png")
    plain = Message("user", [Text("x")])
    told = in_text(
        [
            plain,
            Message("assistant", [ToolCall("a", "f")]),
            Message("tool", [ToolResult("a", [Text("no"), picture], is_error=True), ToolResult("b", [])]),
        ]
    )
    assert told[0] is plain
    assert told[2].role == "user"
    assert told[2].parts == [Text("[The tool f failed with:]\nno"), picture, Text("[The tool tool gave back:]\n")]
