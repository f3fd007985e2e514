"""What is said in a request: pieces of text with their place, their speaker, and how far the speaker can be trusted.

Works on the request as it came, whatever served format it is in: the formats nest the same few things differently. An
item (a message, a tool, a field) is the unit that is remembered, because an agent sends its whole history again each
turn and only the last items are new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.guarding.packs import Trust

Kind = Literal["text", "json", "object", "joint"]
"""Plain text; a string that holds JSON; an object, shown as its JSON; the seam of two texts, only to be looked at."""

Path = tuple[str | int, ...]

_LISTS = frozenset(("messages", "input", "contents", "tools", "functions", "system"))
_SETTINGS = frozenset(
    (
        "model", "stream", "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens",
        "max_output_tokens", "n", "seed", "stop", "stop_sequences", "presence_penalty", "frequency_penalty",
        "logit_bias", "logprobs", "top_logprobs", "parallel_tool_calls", "tool_choice", "stream_options",
        "service_tier", "store", "truncation", "include", "reasoning", "reasoning_effort", "thinking", "modalities",
        "encoding_format", "dimensions", "previous_response_id", "context_management", "verbosity",
        "safetySettings", "inferenceConfig", "prompt_cache_key", "prompt_cache_retention",
        "safety_identifier", "background", "anthropic_version", "anthropic_beta", "container",
        "cache_control", "speed", "betas",
    )
)  # fmt: skip
"""Top-level fields that hold no words of anybody."""

_SCHEMAS = frozenset(("response_format", "text", "output_format", "output_config", "generationConfig"))
"""Those that may hold the schema of the answer, with descriptions the model reads."""

_NAMES = frozenset(
    (
        "type", "id", "role", "tool_use_id", "tool_call_id", "call_id", "file_id", "media_type", "mimeType",
        "mime_type", "format", "detail", "cache_control", "signature", "encrypted_content", "thoughtSignature",
        "file_data", "fileUri", "toolUseId", "status", "index", "cachePoint", "is_error", "phase",
    )
)  # fmt: skip
"""Keys under which names of things and media stand."""

_FOREIGN_TYPES = frozenset(
    (
        "tool_result", "document", "search_result", "function_call_output", "custom_tool_call_output", "mcp_call",
        "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result", "file_search_call",
        "computer_call_output", "local_shell_call_output", "mcp_tool_result", "input_file", "file",
        "bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "shell_call_output",
    )
)  # fmt: skip
_FOREIGN_KEYS = frozenset(("toolResult", "functionResponse", "document", "searchResult", "fileData"))
_REASONING = frozenset(
    (
        "thinking", "reasoning", "reasoning_content", "reasoningContent", "redacted_thinking", "summary",
    )
)  # fmt: skip
_ARGUMENTS = frozenset(("arguments", "input", "args"))
_MIN = 4
"""Characters below which a text can hold nothing."""
_SEAM = 160
_MAX_DEPTH = 64

_ROLES: dict[str, tuple[str, Trust]] = {
    "system": ("system", "developer"),
    "developer": ("system", "developer"),
    "assistant": ("assistant", "assistant"),
    "model": ("assistant", "assistant"),
    "tool": ("tool", "untrusted"),
    "function": ("tool", "untrusted"),
}
_FIELD_ROLES: dict[str, tuple[str, Trust]] = {
    "system": ("system", "developer"),
    "instructions": ("system", "developer"),
    "systemInstruction": ("system", "developer"),
    "system_instruction": ("system", "developer"),
    "tools": ("tool_definition", "untrusted"),
    "functions": ("tool_definition", "untrusted"),
    "toolConfig": ("tool_definition", "untrusted"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a list of the request, or one whole field."""

    field: str
    place: int | None
    raw: bytes

    @property
    def name(self) -> str:
        """``messages[3]``."""
        return self.field if self.place is None else f"{self.field}[{self.place}]"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text."""

    text: str
    path: Path
    """Inside its item."""
    role: str
    """``system``, ``user``, ``assistant``, ``tool``, ``tool_call``, ``tool_definition``, ``reasoning``."""
    trust: Trust
    kind: Kind = "text"
    writable: bool = True
    """False where a change would break a signature, or there is nothing to change."""


def items_of(document: RequestDocument) -> list[Item]:
    """The items of a request, undecoded."""
    found: list[Item] = []
    for name in document.names():
        if name in _SETTINGS:
            continue
        raw = document.raw_field(name)
        if len(raw) < _MIN or raw[:1] not in b'"[{':
            continue
        if name in _LISTS and raw[:1] == b"[":
            found += [Item(name, place, bytes(one)) for place, one in enumerate(split(raw))]
        else:
            found.append(Item(name, None, raw))
    return found


_SPLIT = msgspec.json.Decoder(list[msgspec.Raw])


def split(raw: bytes) -> list[msgspec.Raw]:
    """The elements of a JSON array, undecoded. Raises ValueError."""
    return _SPLIT.decode(raw)


def segments_of(item: Item) -> list[Segment]:
    """What is said in an item. Raises ValueError (msgspec's among them) for what is no JSON."""
    value = msgspec.json.decode(item.raw)
    role, trust = _FIELD_ROLES.get(item.field, ("user", "user"))
    if role == "tool_definition":
        return [_as_object(value, (), role, trust)]
    if item.field in _SCHEMAS and isinstance(value, dict):
        return [_as_object(value, (), "system", "developer")]
    if isinstance(value, dict) and isinstance(value.get("role"), str):
        role, trust = _ROLES.get(value["role"], ("user", "user"))
    found = list(_walk(value, (), role, trust, 0))
    return found + list(_seams(found))


def _walk(value: Any, path: Path, role: str, trust: Trust, depth: int) -> Iterator[Segment]:
    if isinstance(value, str):
        if len(value) >= _MIN and not (len(value) > 256 and value.startswith("data:")):
            yield Segment(value, path, role, trust, "json" if value[0] in "{[" and is_json(value) else "text")
    elif isinstance(value, list | dict) and depth >= _MAX_DEPTH:
        raise ValueError("nested too deeply")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _walk(inner, (*path, place), role, trust, depth + 1)
    elif isinstance(value, dict):
        yield from _object(value, path, role, trust, depth)


def _object(value: dict[str, Any], path: Path, role: str, trust: Trust, depth: int) -> Iterator[Segment]:
    kind = value.get("type")
    if isinstance(kind, str) and kind in _FOREIGN_TYPES:
        role, trust = "tool", "untrusted"
    elif kind in ("image", "image_url", "input_audio", "input_image", "audio"):
        return
    elif isinstance(kind, str) and kind in _REASONING:
        yield from _reasoning(value, path)
        return
    calling = _is_call(value, kind)
    if depth and isinstance(value.get("role"), str) and "content" in value:
        role, trust = _ROLES.get(value["role"], ("user", "user"))
    for name, inner in value.items():
        if name in _NAMES or (name == "data" and kind != "text") or (name == "url" and role != "tool"):
            continue
        if name in _REASONING and role == "assistant":
            yield from _reasoning(inner, (*path, name))
        elif calling and name in _ARGUMENTS:
            yield from _arguments(inner, (*path, name))
        elif name == "response" and "name" in value and isinstance(inner, dict):
            yield _as_object(inner, (*path, name), "tool", "untrusted")
        elif name == "json" and trust == "untrusted" and isinstance(inner, dict | list):
            yield _as_object(inner, (*path, name), role, trust)
        elif name in _FOREIGN_KEYS:
            yield from _walk(inner, (*path, name), "tool", "untrusted", depth + 1)
        else:
            yield from _walk(inner, (*path, name), role, trust, depth + 1)


def _is_call(value: dict[str, Any], kind: Any) -> bool:
    if kind in ("tool_use", "server_tool_use", "function_call", "mcp_tool_use", "custom_tool_call", "mcp_call"):
        return True
    return ("name" in value and ("arguments" in value or "args" in value)) or (
        "toolUseId" in value and "input" in value
    )


def _arguments(value: Any, path: Path) -> Iterator[Segment]:
    if isinstance(value, str):
        if len(value) >= _MIN:
            yield Segment(value, path, "tool_call", "assistant", "json" if is_json(value) else "text")
    elif isinstance(value, dict | list) and value:
        yield _as_object(value, path, "tool_call", "assistant")


def _as_object(value: Any, path: Path, role: str, trust: Trust) -> Segment:
    return Segment(msgspec.json.encode(value).decode(), path, role, trust, "object")


def _reasoning(value: Any, path: Path) -> Iterator[Segment]:
    for segment in _walk(value, path, "reasoning", "assistant", 1) if not isinstance(value, dict) else ():
        yield Segment(segment.text, segment.path, "reasoning", "assistant", "text", False)
    if isinstance(value, dict):
        for name in ("thinking", "text", "summary", "content", "reasoningText"):
            if name in value:
                yield from _reasoning(value[name], (*path, name))


def _seams(found: list[Segment]) -> Iterator[Segment]:
    """Where two texts of one speaker meet: a word cut in two is one word to the model."""
    for left, right in pairwise(found):
        if left.kind == right.kind == "text" and left.role == right.role and left.trust == right.trust:
            yield Segment(left.text[-_SEAM:] + right.text[:_SEAM], right.path, right.role, right.trust, "joint", False)


def is_json(text: str) -> bool:
    """Whether a string is an object or an array in JSON."""
    stripped = text.strip()
    if not stripped or stripped[0] + stripped[-1] not in ("{}", "[]"):
        return False
    try:
        msgspec.json.decode(stripped)
    except (ValueError, RecursionError):
        return False
    return True


def show_path(item: Item, path: Path) -> str:
    """``messages[3].content[0].text``."""
    return item.name + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
