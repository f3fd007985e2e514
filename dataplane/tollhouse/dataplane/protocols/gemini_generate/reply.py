"""A whole generateContent reply, in and out."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ChatReply,
    Choice,
    Image,
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
from tollhouse.dataplane.protocols._names import counted, told_id
from tollhouse.dataplane.protocols._signatures import pack
from tollhouse.dataplane.protocols.gemini_generate.fields import FORMAT
from tollhouse.dataplane.protocols.gemini_generate.finish import broken_off, read_finish, write_finish
from tollhouse.dataplane.protocols.gemini_generate.usage import read_usage, write_usage

_KNOWN = ("candidates", "usageMetadata", "modelVersion", "responseId")
_CANDIDATE = ("content", "finishReason", "index")


def call_id(call: dict[str, Any], choice: int, number: int) -> str:
    """The id of a call, made up where Google gives none."""
    return words(call.get("id")) or counted(choice, number)


def read_reply(body: bytes) -> ChatReply:
    """Raises UpstreamError when it is not a reply in this format."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid_reply(f"not JSON ({error})") from None
    if not isinstance(document, dict) or not ("candidates" in document or "promptFeedback" in document):
        raise invalid_reply("a generateContent reply has 'candidates'")
    candidates = document.get("candidates")
    choices = [_candidate(item, n) for n, item in enumerate(candidates if isinstance(candidates, list) else ())]
    if not choices:  # the prompt itself was blocked
        choices = [Choice([], "content_filter")]
    extra = {name: value for name, value in document.items() if name not in _KNOWN and value is not None}
    return ChatReply(
        id=words(document.get("responseId")),
        model=words(document.get("modelVersion")),
        choices=choices,
        usage=read_usage(document.get("usageMetadata")) or Usage(),
        extra={FORMAT: extra} if extra else {},
    )


def _candidate(item: Any, choice: int) -> Choice:
    if not isinstance(item, dict):
        raise invalid_reply("an entry of 'candidates' is no object")
    content = item.get("content")
    raw = content.get("parts") if isinstance(content, dict) else None
    parts: list[Part] = []
    calls = 0
    for value in raw if isinstance(raw, list) else ():
        if isinstance(value, dict):
            read = read_part(value, choice, calls)
            calls += sum(isinstance(part, ToolCall) for part in read)
            parts += read
    wrong = broken_off(item.get("finishReason"), called=calls > 0, answered=any(map(is_answer, parts)))
    if wrong:
        raise invalid_reply(wrong)
    rest = {name: value for name, value in item.items() if name not in _CANDIDATE and value is not None}
    if rest:
        parts.append(Opaque(FORMAT, {"candidate": rest}))
    return Choice(parts, read_finish(item.get("finishReason"), called=calls > 0))


def read_part(value: dict[str, Any], choice: int, calls: int) -> list[Part]:
    """The parts one of Google's parts stands for: its signature comes before it."""
    signature = words(value.get("thoughtSignature"))
    signed: list[Part] = [Thinking("", signature)] if signature else []
    if value.get("thought") is True:
        return [Thinking(words(value.get("text")), signature)]
    call = value.get("functionCall")
    if isinstance(call, dict):
        arguments = call.get("args")
        written = msgspec.json.encode(arguments if isinstance(arguments, dict) else {}).decode()
        return [*signed, ToolCall(call_id(call, choice, calls), words(call.get("name")), written)]
    if "text" in value:
        return [*signed, Text(words(value.get("text")))] if value.get("text") else signed
    return [Opaque(FORMAT, {"part": value})]


def is_answer(part: Part) -> bool:
    """Whether a part is more than the model's thoughts."""
    return not isinstance(part, Thinking)


def write_reply(reply: ChatReply, context: ReplyContext) -> bytes:
    """A reply in this format."""
    candidates = []
    for number, choice in enumerate(reply.choices):
        writer = PartWriter(context)
        parts = [written for part in choice.parts for written in writer.write(part)]
        candidate: dict[str, Any] = {"content": {"parts": parts + writer.rest(), "role": "model"}}
        candidate["finishReason"] = write_finish(choice.finish_reason)
        candidate["index"] = number
        for part in choice.parts:
            if isinstance(part, Opaque) and part.protocol == FORMAT and "candidate" in part.value:
                candidate.update(part.value["candidate"])
        candidates.append(candidate)
    body: dict[str, Any] = {
        "candidates": candidates,
        "usageMetadata": write_usage(reply.usage),
        "modelVersion": context.model or reply.model,
        "responseId": reply.id or context.request_id,
    }
    body.update(reply.extra.get(FORMAT, {}))
    return msgspec.json.encode(body)


class PartWriter:
    """Writes the parts of one choice; a signature goes onto the part that follows it."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._signature = ""

    def write(self, part: Part) -> list[dict[str, Any]]:
        """The parts in this format; none when the part waits for the next one."""
        if isinstance(part, Thinking):
            return self._thinking(part)
        if isinstance(part, Text | Refusal):
            return [self._signed({"text": part.text})] if part.text else []
        if isinstance(part, ToolCall):
            return [self._signed({"functionCall": self.call(part)})]
        if isinstance(part, Image):
            return [{"inlineData": {"mimeType": part.media_type, "data": part.data}}]
        if isinstance(part, Opaque) and part.protocol == FORMAT and "part" in part.value:
            return [part.value["part"]]
        return []

    def call(self, part: ToolCall) -> dict[str, Any]:
        """A ``functionCall``."""
        try:
            arguments = msgspec.json.decode(part.arguments or "{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            arguments = {"__invalid_json": part.arguments}
        name = self._context.renamed_tools.get(part.name, part.name)
        return {
            "id": told_id(part.id, self._context.request_id),
            "name": name,
            "args": arguments if isinstance(arguments, dict) else {"__value": arguments},
        }

    def rest(self) -> list[dict[str, Any]]:
        """A signature nothing came after."""
        return [self._signed({"text": ""})] if self._signature else []

    def sign(self, part: Thinking) -> list[dict[str, Any]]:
        """Keep what signs a thought for the next part; what waited for one goes onto a part of its own."""
        origin = self._context.provider_format
        signature = part.signature if origin in ("", FORMAT) else pack(part, origin)
        if not signature:
            return []
        waited = self.rest()
        self._signature = signature
        return waited

    def _thinking(self, part: Thinking) -> list[dict[str, Any]]:
        return [*self.sign(part), *([{"text": part.text, "thought": True}] if part.text else [])]

    def _signed(self, written: dict[str, Any]) -> dict[str, Any]:
        if self._signature:
            written["thoughtSignature"] = self._signature
            self._signature = ""
        return written
