"""Neutral messages as chat completions have them: results right behind the calls, pictures where they are taken."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import (
    Audio,
    ChatRequest,
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
from tollhouse.dataplane.protocols._bound import some_content
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._freeform import freeform_names, input_of
from tollhouse.dataplane.protocols._media import document_text, join_data_url, told_and_shown
from tollhouse.dataplane.protocols._names import ToolNames
from tollhouse.dataplane.protocols.openai_chat.read_request import FORMAT

_BILLING = "x-anthropic-billing-header"
"""Claude Code's first system block: meant for Anthropic's billing, and different in every request."""


class MessageWriter:
    """Writes the messages of one request; used once."""

    def __init__(self, chat: ChatRequest, names: ToolNames, dropped: list[str]) -> None:
        self._own = FORMAT in chat.extra
        self._keeps_thoughts = chat.keeps_thoughts
        self._freeform = freeform_names(chat)
        self._names = names
        self._dropped = dropped

    def write(self, conversation: list[Message]) -> list[dict[str, Any]]:
        """The messages. Raises ClientError naming what cannot be carried."""
        messages: list[dict[str, Any]] = []
        late: list[dict[str, Any]] = []
        waiting: set[str] = set()
        for position, message in enumerate(conversation):
            where = f"messages[{position}]"
            if message.role == "tool":
                for part in message.parts:
                    if isinstance(part, ToolResult):
                        waiting.discard(part.call_id)
                        self._tool_result(part, messages, late)
                if not waiting:
                    messages += late
                    late = []
                continue
            written = self._written(message, where)
            if not written:
                continue
            if waiting and message.role != "assistant":
                late += written  # nothing may stand between a call and its result
                continue
            messages += [*late, *written]
            late = []
            waiting = _called(message)
        return some_content(messages + late)

    def _written(self, message: Message, where: str) -> list[dict[str, Any]]:
        """Any message but results. What the system shows in pictures, a user message shows here."""
        if message.role == "assistant":
            made = [self._assistant(message)]
        elif message.role == "user" or self._own:
            made = [self._told(message, where)]
        else:
            told, shown = told_and_shown(message.parts)
            made = [self._told(Message(message.role, told, message.name), where)]
            if shown:
                made.append({"role": "user", "content": self._content(shown, where)})
        return [one for one in made if one is not None]

    def _told(self, message: Message, where: str) -> dict[str, Any] | None:
        """A system, developer or user message."""
        parts = message.parts
        if message.role == "system" and not self._own:
            parts = [part for part in parts if not (isinstance(part, Text) and part.text.startswith(_BILLING))]
            if len(parts) < len(message.parts):
                self._dropped.append(_BILLING)
        content = self._content(parts, where)
        if content is None:
            return None
        # Only OpenAI itself knows the role 'developer', and takes 'system' for it.
        role = message.role if self._own or message.role != "developer" else "system"
        written: dict[str, Any] = {"role": role, "content": content}
        if message.name:
            written["name"] = message.name
        return written

    def _assistant(self, message: Message) -> dict[str, Any] | None:
        calls: list[dict[str, Any]] = []
        refusal = ""
        thought = ""
        shown: list[Part] = []
        audio: Any = None
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls.append(self._call(part))
            elif isinstance(part, Refusal):
                refusal += part.text
            elif isinstance(part, Thinking):
                if self._own or (self._keeps_thoughts and not part.signature):
                    thought += part.text
                elif part.text or part.redacted or part.signature:
                    self._dropped.append("thinking")
            elif isinstance(part, Opaque):
                if part.protocol != FORMAT:
                    self._dropped.append(f"messages.{part.value.get('type', 'content')}")
                elif "tool_call" in part.value:
                    calls.append(part.value["tool_call"])
                else:
                    audio = part.value.get("audio")
            elif isinstance(part, Image | Document | Audio):  # this format has no place for them in an answer
                self._dropped.append(f"messages.{type(part).__name__.lower()}")
            else:
                shown.append(part)
        content = self._content(shown, "messages")
        if content is None and not calls and not refusal and audio is None:
            return None
        written: dict[str, Any] = {"role": "assistant", "content": content}
        if message.name:
            written["name"] = message.name
        if thought or (calls and self._keeps_thoughts):
            written["reasoning_content"] = thought
        if refusal:
            written["refusal"] = refusal
        if calls:
            written["tool_calls"] = calls
        if audio is not None:
            written["audio"] = audio
        return written

    def _call(self, call: ToolCall) -> dict[str, Any]:
        id = self._names.call_id(call.id)
        if self._own and call.name in self._freeform:
            custom = {"name": call.name, "input": input_of(call.arguments)}
            return {"id": id, "type": "custom", "custom": custom}
        function = {"name": self._names(call.name), "arguments": call.arguments or "{}"}
        return {"id": id, "type": "function", "function": function}

    def _tool_result(self, result: ToolResult, messages: list[dict[str, Any]], late: list[dict[str, Any]]) -> None:
        """A tool message, and what tool messages cannot hold in a user message after the last of them."""
        texts: list[Part] = [part for part in result.parts if isinstance(part, Text)]
        media: list[Part] = [part for part in result.parts if not isinstance(part, Text)]
        if media:
            texts.append(Text(f"[{len(media)} image(s) or document(s) of this result follow in the next user message]"))
        if result.is_error:
            texts.insert(0, Text("Error: the tool call failed."))
        content = self._content(texts, "messages")
        call_id = self._names.call_id(result.call_id)
        messages.append({"role": "tool", "tool_call_id": call_id, "content": "" if content is None else content})
        if media:
            shown = self._content([Text(f"Result of tool call {call_id}:"), *media], "messages")
            late.append({"role": "user", "content": shown})

    def _content(self, parts: list[Part], where: str) -> str | list[dict[str, Any]] | None:
        plain = all(isinstance(part, Text) and not part.cache and not _own_fields(part) for part in parts)
        if plain and len(parts) <= 1:
            return parts[0].text if parts and isinstance(parts[0], Text) else None
        written = [self._part(part, f"{where}.content[{i}]") for i, part in enumerate(parts)]
        return [part for part in written if part is not None]

    def _part(self, part: Part, where: str) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return self.marked({"type": "text", "text": part.text, **_own_fields(part)}, part.cache)
        if isinstance(part, Image):
            image = {"url": part.url or join_data_url(part.media_type or "image/png", part.data)}
            if part.detail:
                image["detail"] = part.detail
            return self.marked({"type": "image_url", "image_url": image}, part.cache)
        if isinstance(part, Document):
            return self.marked(_document(part, where, own=self._own), part.cache)
        if isinstance(part, Audio):
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        if isinstance(part, Opaque):
            if part.protocol == FORMAT:
                return part.value
            raise unsupported(
                where, f"content of type {part.value.get('type')!r} reaches only {part.protocol} providers."
            )
        return None

    def marked(self, written: dict[str, Any], cache: dict[str, Any] | None) -> dict[str, Any]:
        """With the client's cache mark, where this format's client set it."""
        if cache is not None:
            if self._own:
                written["cache_control"] = cache
            else:
                self._dropped.append("cache_control")
        return written


def _called(message: Message) -> set[str]:
    return {part.id for part in message.parts if isinstance(part, ToolCall)}


def _own_fields(text: Text) -> dict[str, Any]:
    return (text.extra or {}).get(FORMAT) or {}


def _document(part: Document, where: str, *, own: bool) -> dict[str, Any]:
    if part.url:
        raise unsupported(where, "a document by URL reaches only anthropic_messages providers; send its data inline.")
    text = None if own and not part.text else document_text(part, where)
    if text is not None:
        return {"type": "text", "text": text}
    file = {"file_data": join_data_url(part.media_type or "application/pdf", part.data)}
    file["filename"] = part.name or "document.pdf"
    return {"type": "file", "file": file}
