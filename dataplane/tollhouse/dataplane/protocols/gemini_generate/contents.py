"""Neutral messages as Google's contents: results of calls together, right behind the calls."""

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
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._media import text_of, told_and_shown
from tollhouse.dataplane.protocols._names import ToolNames
from tollhouse.dataplane.protocols.gemini_generate.fields import FORMAT, UNSIGNED

_BILLING = "x-anthropic-billing-header"


class ContentsWriter:
    """Writes the contents of one request; used once. ``signs``: the model refuses calls without a signature."""

    def __init__(self, names: ToolNames, dropped: list[str], *, signs: bool) -> None:
        self._names = names
        self._dropped = dropped
        self._signs = signs
        self._called: dict[str, str] = {}

    def write(self, messages: list[Message]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The parts of the system instruction, and the contents."""
        system: list[dict[str, Any]] = []
        contents: list[dict[str, Any]] = []
        held: list[dict[str, Any]] = []
        leading = True
        for position, message in enumerate(messages):
            where = f"messages[{position}]"
            results_follow = _results_follow(messages, position)
            if message.name:
                self._dropped.append("messages.name")
            if message.role in ("system", "developer"):
                texts = self._told(message)
                shown = self._parts(told_and_shown(message.parts)[1], where)
                if leading:
                    system += [{"text": text} for text in texts]
                    self._add(contents, "user", shown)
                else:
                    told = [{"text": f"<system>\n{text}\n</system>"} for text in texts] + shown
                    if results_follow:
                        held += told  # nothing may stand between calls and their results
                    else:
                        self._add(contents, "user", told)
                continue
            leading = False
            if message.role == "assistant":
                self._add(contents, "model", self._answer(message.parts))
            elif message.role == "tool":
                held += self._results(message, contents, where)
            else:
                self._add(contents, "user", self._parts(message.parts, where))
            if held and message.role != "assistant" and not results_follow:
                self._add(contents, "user", held)
                held = []
        if not contents and system:
            contents = [{"role": "user", "parts": [system.pop()]}]
        return system, contents

    def _told(self, message: Message) -> list[str]:
        texts = [part.text for part in message.parts if isinstance(part, Text) and part.text]
        kept = [text for text in texts if not text.startswith(_BILLING)]
        if len(kept) < len(texts):
            self._dropped.append(_BILLING)
        if any(isinstance(part, Text) and part.cache for part in message.parts):
            self._dropped.append("cache_control")
        return kept

    @staticmethod
    def _add(contents: list[dict[str, Any]], role: str, parts: list[dict[str, Any]]) -> None:
        if not parts:
            return
        last = contents[-1] if contents else None
        if last is not None and last["role"] == role and "functionResponse" not in last["parts"][0]:
            last["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})

    def _answer(self, parts: list[Part]) -> list[dict[str, Any]]:
        written: list[dict[str, Any]] = []
        signature = ""
        for part in parts:
            if isinstance(part, Thinking):
                if part.origin == FORMAT and part.signature:
                    signature = part.signature
                elif part.text or part.redacted or part.signature:
                    self._dropped.append("thinking")
            elif isinstance(part, Text | Refusal):
                if part.text:
                    written.append({"text": part.text})
            elif isinstance(part, ToolCall):
                written.append(self._call(part, signature))
                signature = ""
            else:
                kind = part.value.get("type", "content") if isinstance(part, Opaque) else type(part).__name__.lower()
                self._dropped.append(f"messages.{kind}")
        if signature and written:
            written[-1]["thoughtSignature"] = signature
        return written

    def _call(self, call: ToolCall, signature: str) -> dict[str, Any]:
        try:
            arguments = msgspec.json.decode(call.arguments or "{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            # The model wrote it so; it must see its own mistake again, not an empty call.
            arguments = {"__invalid_json": call.arguments}
        name = self._called[call.id] = self._names(call.name)
        id = self._names.call_id(call.id)
        arguments = arguments if isinstance(arguments, dict) else {"__value": arguments}
        written: dict[str, Any] = {"functionCall": {"id": id, "name": name, "args": arguments}}
        if signature or self._signs:
            written["thoughtSignature"] = signature or UNSIGNED
        return written

    def _results(self, message: Message, contents: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
        """Results first and together. Returns what comes after all of them: their images, each with what it is of."""
        last = contents[-1] if contents else None
        if last is None or last["role"] != "user" or "functionResponse" not in last["parts"][0]:
            last = {"role": "user", "parts": []}
        results: list[dict[str, Any]] = last["parts"]
        media: list[Part] = []
        for part in message.parts:
            if not isinstance(part, ToolResult):
                continue
            texts = [inner.text for inner in part.parts if isinstance(inner, Text)]
            shown: list[Part] = [inner for inner in part.parts if not isinstance(inner, Text)]
            name = self._called.get(part.call_id, "tool")
            if shown:  # ids are not sent to everybody: name and order tell which result it is
                title = f"result {len(results) + 1} ({name})"
                texts.append(f"[{len(shown)} image(s) or document(s) of this result follow as: {title}]")
                media += [Text(f"Of {title}:"), *shown]
            response = {
                "id": self._names.call_id(part.call_id),
                "name": name,
                "response": {"error" if part.is_error else "output": "\n".join(texts)},
            }
            results.append({"functionResponse": response})
        if results and (not contents or contents[-1] is not last):
            contents.append(last)
        return self._parts(media, where)

    def _parts(self, parts: list[Part], where: str) -> list[dict[str, Any]]:
        written = [self._part(part, f"{where}.content[{i}]") for i, part in enumerate(parts)]
        return [part for part in written if part is not None]

    def _part(self, part: Part, where: str) -> dict[str, Any] | None:
        if isinstance(part, Text | Image | Document) and part.cache is not None:
            self._dropped.append("cache_control")
        if isinstance(part, Text):
            return {"text": part.text} if part.text else None
        if isinstance(part, Image):
            if part.url:
                return {"fileData": {"mimeType": part.media_type or _guess(part.url), "fileUri": part.url}}
            return {"inlineData": {"mimeType": part.media_type or "image/png", "data": part.data}}
        if isinstance(part, Audio):
            return {"inlineData": {"mimeType": f"audio/{part.format}", "data": part.data}}
        if isinstance(part, Document):
            return _document(part, where)
        if isinstance(part, Opaque):
            kind = part.value.get("type")
            raise unsupported(where, f"content of type {kind!r} reaches only {part.protocol} providers.")
        return None


def _results_follow(messages: list[Message], position: int) -> bool:
    """Whether results come after this message, before anybody else says something."""
    for message in messages[position + 1 :]:
        if message.role not in ("system", "developer"):
            return message.role == "tool"
    return False


def _document(part: Document, where: str) -> dict[str, Any]:
    if part.url:
        return {"fileData": {"mimeType": part.media_type or "application/pdf", "fileUri": part.url}}
    if part.text:
        title = f"Document {part.name}:\n" if part.name else "Document:\n"
        return {"text": title + part.text}
    if part.media_type.startswith("text/"):
        return {"text": text_of(part.data, f"{where}.file_data")}
    return {"inlineData": {"mimeType": part.media_type or "application/pdf", "data": part.data}}


def _guess(url: str) -> str:
    """An image's type by its address: Google must be told one."""
    ending = url.split("?")[0].rsplit(".", 1)[-1].lower()
    return {"jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}.get(
        ending, "image/png"
    )
