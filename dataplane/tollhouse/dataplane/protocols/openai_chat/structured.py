"""Structured output as chat completions ask for it, and what OpenAI's strict mode takes."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import ResponseFormat
from tollhouse.dataplane.protocols._in_words import in_words
from tollhouse.dataplane.protocols._tool_schema import followed, with_items

_MAX_DEPTH = 64


def write_response_format(wanted: ResponseFormat) -> dict[str, Any]:
    """``response_format``. ``strict`` is said for a client of another format only where OpenAI would take it."""
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    inner: dict[str, Any] = {"name": wanted.name or "answer"}
    if wanted.description:
        inner["description"] = wanted.description
    if wanted.schema is not None:
        inner["schema"] = wanted.schema
    if wanted.strict is not None:
        inner["strict"] = wanted.strict
    elif not wanted.name:
        inner["strict"] = is_strict(wanted.schema)
    return {"type": "json_schema", "json_schema": inner}


def for_openai(wanted: ResponseFormat, messages: list[dict[str, Any]]) -> tuple[ResponseFormat | None, str]:
    """What to ask of OpenAI for a client of a format that has other rules, and what to tell the model besides. OpenAI
    wants an object at the top of a schema, and the word JSON in the conversation where it is to be any object."""
    if wanted.kind == "json_schema" and wanted.schema is None:
        wanted = ResponseFormat("json_object")
    if wanted.kind == "json_object":
        return wanted, "" if _says_json(messages) else in_words(wanted)
    if wanted.kind != "json_schema" or wanted.schema is None:
        return wanted, ""
    root = followed(wanted.schema)
    if "type" not in root and isinstance(root.get("properties"), dict):
        root = {"type": "object", **root}
    if root.get("type") != "object":
        return None, in_words(wanted)
    return msgspec.structs.replace(wanted, schema=with_items({**root, "properties": root.get("properties", {})})), ""


def _says_json(messages: list[dict[str, Any]]) -> bool:
    return any(b"json" in msgspec.json.encode(message.get("content")).lower() for message in messages)


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes the schema: an object, without alternatives, at its top; every object closed,
    and all its properties required."""
    at_top = isinstance(schema, dict) and schema.get("type") == "object" and "anyOf" not in schema
    return at_top and _is_closed(schema)


def _is_closed(schema: Any, depth: int = 0) -> bool:
    if depth > _MAX_DEPTH:
        return False
    if isinstance(schema, list):
        return all(_is_closed(item, depth + 1) for item in schema)
    if not isinstance(schema, dict):
        return True
    inner = schema
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        if schema.get("additionalProperties") is not False or not isinstance(properties, dict):
            return False
        if not isinstance(required, list) or any(name not in required for name in properties):
            return False
        inner = {**schema, "properties": list(properties.values())}
    return all(_is_closed(value, depth + 1) for value in inner.values())
