"""Neutral messages as Anthropic's turns: alternating user and assistant, results first, nothing empty."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    Audio,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocols._fields import unsupported, wrong
from tollhouse.dataplane.protocols._media import is_data_url, split_data_url, text_of, told_and_shown
from tollhouse.dataplane.protocols._names import ToolNames
from tollhouse.dataplane.protocols.anthropic_messages.read_request import FORMAT

ID_LIMIT = 128

CONTINUE = "Continue."
"""What a conversation starts with that has no user turn before its first answer, and ends with where an answer must not
be begun."""


class TurnWriter:
    """Writes the messages of one request; used once. ``own``: the client speaks this format itself."""

    def __init__(self, names: ToolNames, dropped: list[str], *, own: bool) -> None:
        self._names = names
        self._dropped = dropped
        self._own = own

    def write(self, messages: list[Message]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """System blocks and turns. System messages later in the conversation keep their place: in the user turn they
        stand in (or, for a client of this format, as the messages they were)."""
        system: list[dict[str, Any]] = []
        turns: list[dict[str, Any]] = []
        leading = True
        for position, message in enumerate(messages):
            where = f"messages[{position}]"
            if message.role in ("system", "developer"):
                told, shown = (message.parts, []) if self._own else told_and_shown(message.parts)
                if leading:
                    system += self._blocks(told, where)
                elif self._own:
                    self._add(turns, "system", self._blocks(told, where))
                else:
                    self._add(turns, "user", self._reminder(message))
                self._add(turns, "user", self._blocks(shown, where))
                continue
            leading = False
            if message.name and not self._own:
                self._dropped.append("messages.name")
            if message.role == "assistant":
                self._add(turns, "assistant", self._answer(message.parts, where))
            else:
                self._add(turns, "user", self._blocks(message.parts, where))
        return system, self._settled(system, turns)

    @staticmethod
    def _add(turns: list[dict[str, Any]], role: str, blocks: list[dict[str, Any]]) -> None:
        if not blocks:
            return
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})

    def _settled(self, system: list[dict[str, Any]], turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not turns and system:  # OpenAI answers to a system prompt alone; Anthropic needs a turn
            turns = [{"role": "user", "content": [system.pop()]}]
        if not turns:
            raise ClientError(400, "invalid_value", "messages: expected some content, all are empty.", param="messages")
        if turns[0]["role"] == "assistant" and not self._own:
            turns.insert(0, {"role": "user", "content": [{"type": "text", "text": CONTINUE}]})
        for turn in turns:
            if turn["role"] == "user":  # Anthropic wants results before anything else in their turn
                turn["content"].sort(key=lambda block: block.get("type") != "tool_result")
            content = turn["content"]
            if len(content) == 1 and set(content[0]) == {"type", "text"}:
                turn["content"] = content[0]["text"]
        last = turns[-1]
        if last["role"] == "assistant" and isinstance(last["content"], str):
            last["content"] = last["content"].rstrip()  # Anthropic refuses a prefill that ends in blanks
        return turns

    def _reminder(self, message: Message) -> list[dict[str, Any]]:
        text = "\n".join(part.text for part in message.parts if isinstance(part, Text))
        return [{"type": "text", "text": f"<system>\n{text}\n</system>"}] if text else []

    def _answer(self, parts: list[Part], where: str) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(part, ToolCall):
                blocks.append(self._tool_use(part, where))
            elif isinstance(part, Thinking):
                blocks += self._thinking(part)
            elif isinstance(part, Refusal):
                blocks += self._blocks([Text(part.text)], where)
            elif isinstance(part, Opaque) and part.protocol != FORMAT:
                self._dropped.append(f"messages.{part.value.get('type') or next(iter(part.value), 'content')}")
            else:
                blocks += self._blocks([part], where)
        return blocks

    def _thinking(self, part: Thinking) -> list[dict[str, Any]]:
        readable = part.origin == FORMAT or (self._own and not part.origin)
        if part.redacted and readable:
            return [{"type": "redacted_thinking", "data": part.redacted}]
        if part.signature and readable:
            return [{"type": "thinking", "thinking": part.text, "signature": part.signature}]
        if part.text or part.redacted or part.signature:  # thinking Anthropic did not sign is refused by it
            self._dropped.append("reasoning_content" if not self._own else "thinking")
        return []

    def _tool_use(self, part: ToolCall, where: str) -> dict[str, Any]:
        try:
            arguments = msgspec.json.decode(part.arguments or "{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            # The model wrote it so; it must see its own mistake again, not an empty call.
            arguments = {"__invalid_json": part.arguments}
        if not isinstance(arguments, dict):
            arguments = {"__value": arguments}
        block = {
            "type": "tool_use",
            "id": self._names.called(part.id),
            "name": self._names(part.name),
            "input": arguments,
        }
        return _marked(block, part.cache)

    def _blocks(self, parts: list[Part], where: str) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        for i, part in enumerate(parts):
            place = f"{where}.content[{i}]"
            if isinstance(part, Text):
                block = _text(part)
                if block is not None:
                    blocks.append(block)
            elif isinstance(part, ToolResult):
                blocks.append(self._tool_result(part, place))
            elif isinstance(part, Image):
                blocks.append(_marked({"type": "image", "source": _image_source(part)}, part.cache))
            elif isinstance(part, Document):
                blocks.append(_document(part, place))
            elif isinstance(part, Audio):
                raise unsupported(place, "audio reaches only openai_chat and gemini_generate providers.")
            elif isinstance(part, Opaque):
                if part.protocol != FORMAT:
                    kind = part.value.get("type")
                    raise unsupported(place, f"content of type {kind!r} reaches only {part.protocol} providers.")
                blocks.append(part.value)
        return blocks

    def _tool_result(self, part: ToolResult, where: str) -> dict[str, Any]:
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": self._names.answered(part.call_id)}
        inner: list[Part] = list(part.parts)
        content = self._blocks(inner, where)
        if len(content) == 1 and set(content[0]) == {"type", "text"}:
            block["content"] = content[0]["text"]
        elif content:
            block["content"] = content
        if part.is_error:
            block["is_error"] = True
        return _marked(block, part.cache)


def _marked(block: dict[str, Any], cache: dict[str, Any] | None) -> dict[str, Any]:
    if cache is not None:
        block["cache_control"] = cache
    return block


def _text(part: Text) -> dict[str, Any] | None:
    """A text block, or the block of this format the text stands for; None for empty text, which Anthropic refuses."""
    own = (part.extra or {}).get(FORMAT) or {}
    if "type" in own:
        block: dict[str, Any] = own
        return block
    if not part.text.strip():
        return None
    return _marked({"type": "text", "text": part.text, **own}, part.cache)


def _image_source(part: Image) -> dict[str, Any]:
    if part.url and is_data_url(part.url):
        media_type, data = split_data_url(part.url, "image_url.url")
        return {"type": "base64", "media_type": media_type, "data": data}
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.media_type or "image/png", "data": part.data}


def _document(part: Document, where: str) -> dict[str, Any]:
    source: dict[str, Any]
    if part.url:
        source = {"type": "url", "url": part.url}
    elif part.text:
        source = {"type": "text", "media_type": "text/plain", "data": part.text}
    elif part.media_type == "application/pdf":
        source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    elif part.media_type.startswith("text/") or part.media_type == "application/json":
        source = {"type": "text", "media_type": "text/plain", "data": text_of(part.data, f"{where}.file_data")}
    else:
        raise wrong(f"{where}.media_type", part.media_type, "application/pdf or a text type (Anthropic takes no other)")
    block: dict[str, Any] = {"type": "document", "source": source}
    if part.name:
        block["title"] = part.name
    return _marked(block, part.cache)
