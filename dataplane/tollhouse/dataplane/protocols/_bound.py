"""Fields of one format that others have no place for: left out and named, or refused when the answer hangs on them."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import ChatRequest, Tool
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocols._fields import unsupported

_ELSEWHERE = {
    "previous_response_id": "the conversation it names is kept at OpenAI; send the whole conversation in input.",
    "conversation": "the conversation it names is kept at OpenAI; send the whole conversation in input.",
    "prompt": "the prompt it names is kept at OpenAI; send its text in instructions.",
    "background": "this model's provider answers at once only; leave it out.",
    "cachedContent": "the cache it names is kept at Google; send the contents themselves.",
}
"""Fields without which the answer would be another one -> what to do."""

_PARTLY = {
    "anthropic_messages": ("thinking", "output_config", "metadata"),
    "openai_responses": ("text", "reasoning"),
    "gemini_generate": ("generationConfig",),
}
"""Objects of which a part is carried: what is left of them is named field by field."""


def some_content(written: list[Any]) -> list[Any]:
    """What was written of a conversation. Raises ClientError when that is nothing: every provider refuses it."""
    if not written:
        raise ClientError(400, "invalid_value", "messages: expected some content, all are empty.", param="messages")
    return written


def left_out_of(tool: Tool, own: str) -> list[str]:
    """The names of what a client of another format said of a tool and this one has no place for. Loading later only
    saves the model's attention, and a tool that takes one text is written as a function."""
    return [
        f"tools.{name}"
        for format_name, fields in (tool.extra or {}).items()
        if format_name != own
        for name in fields
        if name not in ("defer_loading", "custom")
    ]


def left_out(chat: ChatRequest, own: str) -> list[str]:
    """The names of what a client of another format said and this one has no place for. Raises ClientError for what
    must not be left out."""
    names: list[str] = []
    for format_name, fields in chat.extra.items():
        if format_name == own:
            continue
        for name, value in fields.items():
            reason = _ELSEWHERE.get(name)
            if reason is not None and value:
                raise unsupported(name, reason)
            partly = name in _PARTLY.get(format_name, ()) and isinstance(value, dict)
            names += [f"{name}.{inner}" for inner in value] if partly else [name]
    return names
