"""Requests and answers of every served format, from one description: for what must hold in all of them alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    ChatReply,
    Choice,
    Ended,
    Event,
    Failed,
    Part,
    TextDelta,
    ToolCall,
    Usage,
)
from tollhouse.dataplane.dispatch.replies.events import to_events
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.providers import Behaviour, answer, stream

PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
    "gemini_generate": "/v1beta/models/m:generateContent",
    "openai_completions": "/v1/completions",
}
VENDORS = {
    "openai_chat": ("openai-compatible", ""),
    "openai_responses": ("openai", "/v1/responses"),
    "anthropic_messages": ("anthropic", ""),
    "gemini_generate": ("gemini", ""),
    "openai_completions": ("openai-compatible", ""),
}
"""Who speaks a format, and under which path it alone is spoken."""


def path_of(format_name: str, streaming: bool) -> tuple[str, str]:
    """Path and query of a request."""
    path = PATHS[format_name]
    if streaming and format_name == "gemini_generate":
        return path.replace(":generate", ":streamGenerate"), "alt=sse"
    return path, ""


def asked(
    format_name: str, system: str, user: str, page: str = "", *, then: str = "", streaming: bool = False
) -> dict[str, Any]:
    """A request: a system prompt, what the user says, the result of a tool that read a page, and the user again."""
    body: dict[str, Any] = {"model": "m", "stream": streaming}
    call: dict[str, Any]
    if format_name == "openai_chat":
        said: list[dict[str, Any]] = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        if page:
            call = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
            said += [{"role": "assistant", "content": None, "tool_calls": [call]}]
            said += [{"role": "tool", "tool_call_id": "c1", "content": page}]
        said += [{"role": "user", "content": then}] if then else []
        return {**body, "messages": said}
    if format_name == "openai_responses":
        said = [{"role": "user", "content": user}]
        if page:
            said += [{"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}"}]
            said += [{"type": "function_call_output", "call_id": "c1", "output": page}]
        said += [{"role": "user", "content": then}] if then else []
        return {**body, "input": [{"role": "developer", "content": system}, *said]}
    if format_name == "anthropic_messages":
        said = [{"role": "user", "content": user}]
        if page:
            said += [{"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "read", "input": {}}]}]
            said += [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": page}]}]
        said += [{"role": "assistant", "content": "I see."}, {"role": "user", "content": then}] if then else []
        return {**body, "max_tokens": 100, "system": system, "messages": said}
    if format_name == "gemini_generate":
        said = [{"role": "user", "parts": [{"text": user}]}]
        if page:
            said += [{"role": "model", "parts": [{"functionCall": {"name": "read", "args": {}}}]}]
            result = {"functionResponse": {"name": "read", "response": {"result": page}}}
            said += [{"role": "user", "parts": [result]}]
        said += [{"role": "user", "parts": [{"text": then}]}] if then else []
        return {"systemInstruction": {"parts": [{"text": system}]}, "contents": said}
    return {**body, "prompt": user}


def offering(format_name: str, *names: str) -> dict[str, Any]:
    """The fields of a request that offer tools of these names; none where a format has no tools."""
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    if format_name == "openai_chat":
        plain = [{"name": name, "parameters": schema} for name in names]
        return {"tools": [{"type": "function", "function": one} for one in plain]}
    if format_name == "openai_responses":
        return {"tools": [{"type": "function", "name": name, "parameters": schema} for name in names]}
    if format_name == "anthropic_messages":
        return {"tools": [{"name": name, "input_schema": schema} for name in names]}
    if format_name == "gemini_generate":
        return {"tools": [{"functionDeclarations": [{"name": name, "parameters": schema} for name in names]}]}
    return {}


def answered(format_name: str, parts: list[Part], *, streaming: bool, size: int = 7) -> Behaviour:
    """A provider that says these parts, streamed in pieces of so many characters."""
    spoken = protocols_by_name()[format_name]
    reason: Any = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
    reply = ChatReply("id1", "m", [Choice(parts, reason)], Usage(input_tokens=10, output_tokens=5), 1)
    context = ReplyContext("m", stream_usage=True)
    if not streaming:
        return answer(200, spoken.encode_reply(reply, context))
    encoder = spoken.stream_encoder(context)
    return stream(*[data for event in _cut(reply, size) if (data := encoder.encode(event))])


def _cut(reply: ChatReply, size: int) -> Iterator[Event]:
    for event in to_events(reply):
        if isinstance(event, TextDelta):
            for at in range(0, len(event.text), size):
                yield TextDelta(event.choice, event.index, event.text[at : at + size])
        elif isinstance(event, ArgumentsDelta):
            for at in range(0, len(event.json), size):
                yield ArgumentsDelta(event.choice, event.index, event.json[at : at + size])
        else:
            yield event


def heard(format_name: str, body: bytes, *, streaming: bool) -> tuple[str, Any, bool]:
    """What an agent understands of an answer: its text, the arguments of its call (None: no call; a string: cut), and
    whether it has come to a proper end, good or bad."""
    spoken = protocols_by_name()[format_name]
    if streaming:
        decoder = spoken.stream_decoder()
        events = [*decoder.feed(body), *decoder.close()]
    else:
        events = list(to_events(spoken.decode_reply(body)))
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    arguments = "".join(event.json for event in events if isinstance(event, ArgumentsDelta))
    ended = any(isinstance(event, Ended | Failed) for event in events)
    try:
        told = json.loads(arguments) if arguments else None
    except ValueError:
        told = arguments
    return text, told, ended
