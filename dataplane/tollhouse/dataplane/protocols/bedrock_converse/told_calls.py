"""Calls and results of a conversation as text, for a request whose model must not call tools.

Converse demands that tools are declared where a conversation has calls in it, and has no word for "call none": a model
that is shown the tools may call them. So it is told of the calls in words, and shown no tools.
"""

from __future__ import annotations

from tollhouse.dataplane.chat import Message, Part, Text, ToolCall, ToolResult


def in_text(messages: list[Message]) -> list[Message]:
    """The messages; those without calls and results are the same objects."""
    names: dict[str, str] = {}
    told: list[Message] = []
    for message in messages:
        if not any(isinstance(part, ToolCall | ToolResult) for part in message.parts):
            told.append(message)
            continue
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, ToolCall):
                names[part.id] = part.name
                parts.append(Text(f"[I called the tool {part.name} with {part.arguments or '{}'}]", part.cache))
            elif isinstance(part, ToolResult):
                parts += _result(part, names.get(part.call_id, "tool"))
            else:
                parts.append(part)
        told.append(Message("user" if message.role == "tool" else message.role, parts, message.name))
    return told


def _result(result: ToolResult, name: str) -> list[Part]:
    verb = "failed with" if result.is_error else "gave back"
    text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
    rest = [part for part in result.parts if not isinstance(part, Text)]
    return [Text(f"[The tool {name} {verb}:]\n{text}", result.cache), *rest]
