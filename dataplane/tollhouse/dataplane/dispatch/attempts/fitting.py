"""Makes a request what a vendor's dialect of its format takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
from tollhouse.dataplane.dialect import OPENAI_ONLY, Dialect
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.protocols._bound import require_text

_HEARD = "OK."
_PLAIN = re.compile(r"[a-zA-Z0-9]+")

_CALLS = ("functionCall", "functionResponse", "function_call", "function_response")


def fit(document: RequestDocument, dialect: Dialect, *, translated: bool) -> list[str]:
    """Edit in place. Returns what was dropped. What needs no edit stays the bytes it was."""
    dropped: list[str] = []
    lacking = dialect.lacks | dialect.doubtful | OPENAI_ONLY if translated else dialect.lacks
    for name in document.names() if lacking or dialect.renames else ():
        if name in lacking:
            if name == "modalities":
                require_text(name, document.get(name))
            if name != "stream_options" and document.raw_field(name) != b"null":
                dropped.append(name)  # of usage in streams, which such vendors tell anyway, nothing is lost
            document.remove(name)
        elif name in dialect.renames:
            value = document.raw_field(name)
            document.remove(name)
            if dialect.renames[name] not in document:
                document.set_raw(dialect.renames[name], value)
    schema = None if dialect.takes_schemas else _schema(document)
    if schema is not None or _needs_edit(document.raw_field("messages"), dialect):
        messages = document.get("messages")
        if isinstance(messages, list):
            messages = [_message(one, dialect, dropped) if isinstance(one, dict) else one for one in messages]
            if dialect.answers_results:
                messages = list(_answered(messages))
            if schema is not None:
                messages.append({"role": "system", "content": schema})
                document.set("response_format", {"type": "json_object"})
                dropped.append("response_format.json_schema")
            document.set("messages", messages)
    return list(dict.fromkeys(dropped))


def without_call_ids(document: RequestDocument) -> None:
    """Take the ids out of calls and results in Google's format."""
    if b'"id"' not in document.raw_field("contents"):
        return
    contents = document.get("contents")
    if isinstance(contents, list):
        document.set("contents", [_unnamed_turn(turn) if isinstance(turn, dict) else turn for turn in contents])


def _unnamed_turn(turn: dict[str, Any]) -> dict[str, Any]:
    parts = turn.get("parts")
    if not isinstance(parts, list):
        return turn
    return {**turn, "parts": [_unnamed(part) if isinstance(part, dict) else part for part in parts]}


def _unnamed(part: dict[str, Any]) -> dict[str, Any]:
    for name in _CALLS:
        call = part.get(name)
        if isinstance(call, dict) and "id" in call:
            part = {**part, name: {key: value for key, value in call.items() if key != "id"}}
    return part


def _needs_edit(raw: bytes, dialect: Dialect) -> bool:
    """A byte search: may err towards True."""
    if not dialect.knows_developers and b'"developer"' in raw:
        return True
    if (dialect.call_id_size or dialect.answers_results) and b'"tool_call' in raw:
        return True
    return any(b'"%b"' % name.encode() in raw for name in dialect.message_lacks)


def _message(message: dict[str, Any], dialect: Dialect, dropped: list[str]) -> dict[str, Any]:
    made = {}
    for name, value in message.items():
        if name not in dialect.message_lacks:
            made[name] = value
        elif value:
            dropped.append(f"messages.{name}")
    if not dialect.knows_developers and made.get("role") == "developer":
        made["role"] = "system"
    if dialect.call_id_size:
        size = dialect.call_id_size
        if isinstance(made.get("tool_call_id"), str):
            made["tool_call_id"] = _call_id(made["tool_call_id"], size)
        calls = made.get("tool_calls")
        if isinstance(calls, list):
            made["tool_calls"] = [
                {**call, "id": _call_id(call["id"], size)}
                if isinstance(call, dict) and isinstance(call.get("id"), str)
                else call
                for call in calls
            ]
    return made


def _answered(messages: list[Any]) -> Iterator[Any]:
    last: Any = None
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if last == "tool" and role in ("user", "system"):
            yield {"role": "assistant", "content": _HEARD}
        yield message
        last = role


def _call_id(id: str, size: int) -> str:
    """The same for a call and its result, whenever they come back."""
    if len(id) == size and _PLAIN.fullmatch(id):
        return id
    return sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:size]


def _schema(document: RequestDocument) -> str | None:
    """What a model is told of the schema its answer has to fit; None when none is asked for."""
    wanted = document.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return None
    holder = wanted.get("json_schema")
    schema = holder.get("schema") if isinstance(holder, dict) else None
    told = msgspec.json.encode(schema if isinstance(schema, dict) else {"type": "object"}).decode()
    return f"Answer with one JSON object that fits this JSON schema, and nothing else: {told}"
