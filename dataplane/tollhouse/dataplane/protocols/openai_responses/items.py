"""The items of ``input`` as neutral messages: what the model said in one go is one message, so are its results."""

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
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from tollhouse.dataplane.protocols._fields import as_list, as_object, get_text, missing, wrong
from tollhouse.dataplane.protocols._freeform import arguments_of
from tollhouse.dataplane.protocols._media import is_data_url, split_data_url
from tollhouse.dataplane.protocols._signatures import unpack
from tollhouse.dataplane.protocols.openai_responses.tools import FORMAT, joined, read_tools

_ROLES = ("system", "developer", "user", "assistant")
_KEPT_ELSEWHERE = ("item_reference", "compaction", "compaction_summary", "context_compaction")
"""Items that stand for content only OpenAI can look up or read: another provider would answer without it."""


class Items:
    """Reads one ``input``; used once. ``tools`` are those that stand among the items."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.tools: list[Tool] = []

    def read(self, value: Any) -> None:
        """Raises ClientError naming the item at fault."""
        if isinstance(value, str):
            self.messages.append(Message("user", [Text(value)]))
            return
        if not isinstance(value, list):
            raise wrong("input", value, "a string or an array of items")
        for i, item in enumerate(value):
            self._item(as_object(item, f"input[{i}]"), f"input[{i}]")

    def _item(self, item: dict[str, Any], where: str) -> None:
        kind = get_text(item, "type", where) or "message"
        if kind == "message":
            self._message(item, where)
        elif kind == "function_call":
            arguments = get_text(item, "arguments", where) or "{}"
            self._add("assistant", ToolCall(get_text(item, "call_id", where, None), _name(item, where), arguments))
        elif kind == "custom_tool_call":
            arguments = arguments_of(get_text(item, "input", where))
            self._add("assistant", ToolCall(get_text(item, "call_id", where, None), _name(item, where), arguments))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            parts = _output(item.get("output"), f"{where}.output")
            self._add("tool", ToolResult(get_text(item, "call_id", where, None), parts))
        elif kind == "reasoning":
            self._add("assistant", _reasoning(item))
        elif kind == "additional_tools":
            self.tools += read_tools(item.get("tools"), f"{where}.tools")
        else:
            self._add("user" if kind in _KEPT_ELSEWHERE else "assistant", Opaque(FORMAT, item))

    def _add(self, role: Role, part: Part) -> None:
        last = self.messages[-1] if self.messages else None
        if last is not None and last.role == role and role in ("assistant", "tool"):
            last.parts.append(part)
        else:
            self.messages.append(Message(role, [part]))

    def _message(self, item: dict[str, Any], where: str) -> None:
        role = get_text(item, "role", where, None)
        if role not in _ROLES:
            raise wrong(f"{where}.role", role, f"one of {', '.join(_ROLES)}")
        parts = _content(item.get("content"), f"{where}.content")
        if role == "assistant":
            for part in parts:
                self._add("assistant", part)
        else:
            self.messages.append(Message(role, parts))  # type: ignore[arg-type]


def _name(item: dict[str, Any], where: str) -> str:
    return joined(get_text(item, "namespace", where), get_text(item, "name", where, None))


def _content(value: Any, where: str) -> list[Part]:
    if value is None:
        raise missing(where, "a string or an array of content parts")
    if isinstance(value, str):
        return [Text(value)]
    return [_part(as_object(item, f"{where}[{i}]"), f"{where}[{i}]") for i, item in enumerate(as_list(value, where))]


def _part(item: dict[str, Any], where: str) -> Part:
    kind = get_text(item, "type", where, None)
    if kind in ("input_text", "output_text", "text"):
        return Text(get_text(item, "text", where, None))
    if kind == "refusal":
        return Refusal(get_text(item, "refusal", where, None))
    if kind == "input_image":
        return _image(item, where)
    if kind == "input_file":
        return _file(item, where)
    if kind == "input_audio":
        audio = as_object(item.get("input_audio"), f"{where}.input_audio")
        place = f"{where}.input_audio"
        return Audio(get_text(audio, "data", place, None), get_text(audio, "format", place, None))
    return Opaque(FORMAT, item)


def _image(item: dict[str, Any], where: str) -> Part:
    url = get_text(item, "image_url", where)
    if not url:
        return Opaque(FORMAT, item)  # by file_id
    detail = get_text(item, "detail", where)
    if is_data_url(url):
        media_type, data = split_data_url(url, f"{where}.image_url")
        return Image(data=data, media_type=media_type, detail=detail)
    return Image(url=url, detail=detail)


def _file(item: dict[str, Any], where: str) -> Part:
    name = get_text(item, "filename", where)
    data = get_text(item, "file_data", where)
    if data and is_data_url(data):
        media_type, data = split_data_url(data, f"{where}.file_data")
        return Document(data=data, media_type=media_type, name=name)
    if data:
        return Document(data=data, media_type="application/pdf", name=name)
    url = get_text(item, "file_url", where)
    return Document(url=url, name=name) if url else Opaque(FORMAT, item)


def _output(value: Any, where: str) -> list[Text | Image | Document]:
    """What a tool gave back: text, or a list of content parts."""
    if value is None:
        return []
    if not isinstance(value, list):
        return [Text(value if isinstance(value, str) else msgspec.json.encode(value).decode())]
    shown: list[Text | Image | Document] = []
    for i, item in enumerate(value):
        part = _part(as_object(item, f"{where}[{i}]"), f"{where}[{i}]")
        # Whatever else a result may hold: the other formats get it as its JSON.
        kept = isinstance(part, Text | Image | Document)
        shown.append(part if kept else Text(msgspec.json.encode(item).decode()))  # type: ignore[arg-type]
    return shown


def _reasoning(item: dict[str, Any]) -> Thinking:
    """Reasoning the model gave out. Only its own provider can read ``encrypted_content``, unless we packed it."""
    signature = item.get("encrypted_content")
    signature = signature if isinstance(signature, str) else ""
    packed = unpack(signature)
    if packed is not None:
        return packed
    told = [item.get(name) for name in ("summary", "content")]
    texts = [
        part["text"]
        for parts in told
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]
    return Thinking("\n\n".join(texts), signature)
