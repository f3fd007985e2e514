"""What a request's input is made of besides text: media, and things that only the provider has. Pure.

Read by structure, which is many times faster than searching its bytes, and which no spelling of a name escapes.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Literal

import msgspec
from tollhouse.dataplane.document import RequestDocument


class Parts(IntEnum):
    """The most that was found."""

    TEXT = 0
    MEDIA = 1
    """Images, sound, documents: what they count is no matter of bytes."""
    ELSEWHERE = 2
    """Something is named that only the provider has: nobody here knows how long it is."""


_INPUTS = frozenset({"messages", "input", "contents", "system", "systemInstruction", "system_instruction"})
_KEPT = frozenset({"previous_response_id", "conversation", "prompt", "cachedContent", "cached_content"})
"""Fields that name what was said before, or a prompt, at the provider."""
_MEDIA = frozenset({"image", "image_url", "input_image", "input_audio", "audio", "video", "video_url", "input_video"})
_FILES = frozenset({"document", "file", "input_file"})
_NOTHING = msgspec.Raw()


class _Held(msgspec.Struct, gc=False):
    """A file's ``source`` (Anthropic) or ``file`` (OpenAI)."""

    type: str = ""
    data: msgspec.Raw = _NOTHING
    file_data: msgspec.Raw = _NOTHING
    content: msgspec.Raw = _NOTHING


class _Part(msgspec.Struct, gc=False):
    """A message, or a part of one, in any of the chat formats."""

    type: str = ""
    content: str | list[str | _Part] | None = None
    output: str | list[_Part] | None = None
    parts: list[_Part] | None = None
    source: _Held | None = None
    file: _Held | None = None
    file_data: msgspec.Raw = _NOTHING
    inline_data: msgspec.Raw = msgspec.field(default=_NOTHING, name="inlineData")
    inline_snake: msgspec.Raw = msgspec.field(default=_NOTHING, name="inline_data")
    file_camel: msgspec.Raw = msgspec.field(default=_NOTHING, name="fileData")


_PARTS = msgspec.json.Decoder(list[str | _Part] | _Part | str | None)


class _Words(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part that is text, and cannot be more: it has no other fields."""

    type: Literal["text", "input_text", "output_text"]
    text: str
    cache_control: msgspec.Raw = _NOTHING


class _Said(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A message of nothing but text and calls of tools."""

    role: str
    content: str | list[_Words] | None = None
    name: str | None = None
    type: Literal["message"] | None = None
    tool_calls: msgspec.Raw = _NOTHING
    tool_call_id: str | None = None


_ALL_SAID = msgspec.json.Decoder(list[_Said] | str | None)
"""Nearly all conversations: what decodes as this needs no further look."""


def parts_of(document: RequestDocument) -> Parts:
    """The most there is in a request. What has another shape than chats have counts as media, which are looked at
    closely."""
    for name in document.those_of(_KEPT):
        raw = document.raw_field(name)
        if raw != b"null" and (name != "prompt" or raw[:1] == b"{"):
            return Parts.ELSEWHERE
    most = Parts.TEXT
    for name in document.those_of(_INPUTS):
        raw = document.raw_field(name)
        try:
            _ALL_SAID.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            most = max(most, _look_at(raw))
    return most


def _look_at(raw: bytes) -> Parts:
    try:
        found = _PARTS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Parts.MEDIA
    if isinstance(found, _Part):
        found = [found]
    return _most(found) if isinstance(found, list) else Parts.TEXT


def _most(parts: Iterable[str | _Part]) -> Parts:
    most = Parts.TEXT
    for one in parts:
        if isinstance(one, str):
            continue
        found = _own(one)
        for inner in (one.content, one.output, one.parts):
            if isinstance(inner, list):
                found = max(found, _most(inner))
        if found is Parts.ELSEWHERE:
            return found
        most = max(most, found)
    return most


def _own(part: _Part) -> Parts:
    if part.file_camel is not _NOTHING or bytes(part.file_data)[:1] == b"{":
        return Parts.ELSEWHERE
    if part.type in _FILES:
        held = part.source or part.file
        here = held is not None and (held.data or held.file_data or held.content)
        return Parts.MEDIA if here or part.file_data is not _NOTHING else Parts.ELSEWHERE
    if part.type in _MEDIA or part.inline_data is not _NOTHING or part.inline_snake is not _NOTHING:
        return Parts.MEDIA
    return Parts.TEXT
