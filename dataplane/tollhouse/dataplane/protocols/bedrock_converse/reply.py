"""A whole converse reply."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import ChatReply, Choice, FinishReason, Opaque, Part, Text, Thinking, ToolCall, Usage
from tollhouse.dataplane.protocols._failures import invalid_reply
from tollhouse.dataplane.protocols._fields import words
from tollhouse.dataplane.protocols.bedrock_converse.usage import read_usage
from tollhouse.dataplane.protocols.bedrock_converse.write_request import FORMAT

_STOP: dict[str, FinishReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}


def read_stop(value: Any) -> FinishReason:
    """Why the answer ended; an unknown word counts as ``stop``."""
    return _STOP.get(value, "stop") if isinstance(value, str) else "stop"


def read_reply(body: bytes) -> ChatReply:
    """Raises UpstreamError when it is not a converse reply."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid_reply(f"not JSON ({error})") from None
    output = document.get("output") if isinstance(document, dict) else None
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        raise invalid_reply("a converse reply has 'output.message.content'")
    parts = [_part(block) for block in content if isinstance(block, dict)]
    usage = read_usage(document.get("usage")) or Usage()
    return ChatReply("", "", [Choice(parts, read_stop(document.get("stopReason")))], usage)


def _part(block: dict[str, Any]) -> Part:
    if "text" in block:
        return Text(words(block["text"]))
    use = block.get("toolUse")
    if isinstance(use, dict):
        given = use.get("input")
        arguments = msgspec.json.encode(given if isinstance(given, dict) else {}).decode()
        return ToolCall(words(use.get("toolUseId")), words(use.get("name")), arguments)
    reasoning = block.get("reasoningContent")
    if isinstance(reasoning, dict):
        told = reasoning.get("reasoningText")
        if isinstance(told, dict):
            return Thinking(words(told.get("text")), words(told.get("signature")))
        return Thinking(redacted=words(reasoning.get("redactedContent")))
    return Opaque(FORMAT, block)
