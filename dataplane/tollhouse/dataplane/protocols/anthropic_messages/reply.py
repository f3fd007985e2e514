"""A whole message, in and out."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ChatReply,
    Choice,
    FinishReason,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.protocols._failures import invalid_reply
from tollhouse.dataplane.protocols._fields import words
from tollhouse.dataplane.protocols._names import legal_name, told_id
from tollhouse.dataplane.protocols._signatures import pack
from tollhouse.dataplane.protocols.anthropic_messages.read_request import FORMAT
from tollhouse.dataplane.protocols.anthropic_messages.turns import ID_LIMIT
from tollhouse.dataplane.protocols.anthropic_messages.usage import merge_usage, write_usage

_STOP_IN: dict[str, FinishReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
}
_STOP_OUT: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "pause": "pause_turn",
    "refusal": "refusal",
    "content_filter": "refusal",
    "error": "end_turn",
}


def read_stop(value: Any) -> FinishReason:
    """Why the message ended; an unknown word counts as ``stop``."""
    return _STOP_IN.get(value, "stop") if isinstance(value, str) else "stop"


def write_stop(reason: FinishReason) -> str:
    """``stop_reason``."""
    return _STOP_OUT[reason]


def message_id(id: str, request_id: str) -> str:
    """A provider's reply id, or one made from the request's."""
    return id or f"msg_{request_id}"


def refusal_details(explanation: str) -> dict[str, Any]:
    """``stop_details`` of a refusal."""
    return {"type": "refusal", "category": None, "explanation": explanation or None}


def read_reply(body: bytes) -> ChatReply:
    """Raises UpstreamError when it is not a message."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid_reply(f"not JSON ({error})") from None
    if not isinstance(document, dict) or not isinstance(document.get("content"), list):
        raise invalid_reply("a message has an array 'content'")
    parts = [_read_block(item) for item in document["content"]]
    details = document.get("stop_details")
    if isinstance(details, dict) and words(details.get("explanation")):
        parts.append(Refusal(details["explanation"]))
    known = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")
    extra = {name: value for name, value in document.items() if name not in known and value is not None}
    usage = document.get("usage")
    return ChatReply(
        id=words(document.get("id")),
        model=words(document.get("model")),
        choices=[Choice(parts, read_stop(document.get("stop_reason")), words(document.get("stop_sequence")) or None)],
        usage=merge_usage(None, usage) or Usage(),
        extra={FORMAT: extra} if extra else {},
    )


def _read_block(item: Any) -> Part:
    if not isinstance(item, dict):
        raise invalid_reply("an entry of 'content' is no object")
    kind = item.get("type")
    if kind == "text":
        more = {name: value for name, value in item.items() if name not in ("type", "text") and value}
        return Text(words(item.get("text")), None, {FORMAT: more} if more else None)
    if kind == "tool_use":
        arguments = item.get("input")
        written = msgspec.json.encode(arguments if isinstance(arguments, dict) else {}).decode()
        return ToolCall(words(item.get("id")), words(item.get("name")), written)
    if kind == "thinking":
        return Thinking(words(item.get("thinking")), words(item.get("signature")))
    if kind == "redacted_thinking":
        return Thinking(redacted=words(item.get("data")))
    return Opaque(FORMAT, item)


def write_reply(reply: ChatReply, context: ReplyContext) -> bytes:
    """A message: the first choice of the reply."""
    choice = reply.choices[0] if reply.choices else Choice([])
    refusal = "".join(part.text for part in choice.parts if isinstance(part, Refusal))
    content = [block for part in choice.parts for block in _write_block(part, context)]
    if refusal and not any(block.get("type") == "text" for block in content):
        content.append({"type": "text", "text": refusal})
    body: dict[str, Any] = {
        "id": message_id(reply.id, context.request_id),
        "type": "message",
        "role": "assistant",
        "model": context.model or reply.model,
        "content": content,
        "stop_reason": write_stop(choice.finish_reason),
        "stop_sequence": choice.stop_sequence,
        "usage": write_usage(reply.usage),
    }
    if refusal:
        body["stop_details"] = refusal_details(refusal)
    body.update(reply.extra.get(FORMAT, {}))
    return msgspec.json.encode(body)


def _write_block(part: Part, context: ReplyContext) -> list[dict[str, Any]]:
    if isinstance(part, Text):
        own = (part.extra or {}).get(FORMAT) or {}
        return [{"type": "text", "text": part.text, **own}] if part.text else []
    if isinstance(part, Thinking):
        if part.redacted:
            return [{"type": "redacted_thinking", "data": part.redacted}]
        own = context.provider_format in ("", FORMAT)
        signature = part.signature if own else pack(part, context.provider_format)
        return [{"type": "thinking", "thinking": part.text, "signature": signature}]
    if isinstance(part, ToolCall):
        name = context.renamed_tools.get(part.name, part.name)
        id = legal_name(told_id(part.id, context.request_id), ID_LIMIT)
        return [{"type": "tool_use", "id": id, "name": name, "input": read_input(part)}]
    if isinstance(part, Opaque) and part.protocol == FORMAT:
        return [part.value]
    return []


def read_input(call: ToolCall) -> dict[str, Any]:
    """A call's arguments as the object this format has; text the model did not write as JSON goes in as it is, for
    the agent to see."""
    try:
        value = msgspec.json.decode(call.arguments or "{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {"__invalid_json": call.arguments}
    return value if isinstance(value, dict) else {"__value": value}
