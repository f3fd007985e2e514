"""Names and schemas as Google writes them: camelCase or snake_case, types in capitals, ``nullable``."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.protocols._fields import as_list

FORMAT = "gemini_generate"
UNSIGNED = "skip_thought_signature_validator"
"""What Google's documentation gives for calls another model made: Gemini 3 refuses calls without a signature."""

_MAX_DEPTH = 64


def camel(value: Any, depth: int = 0) -> Any:
    """The object with its own field names in camelCase, as the JSON form of Google's messages allows both. Arguments,
    results and schemas are data of the caller and stay as they are."""
    if isinstance(value, list):
        return [camel(item, depth + 1) for item in value] if depth < _MAX_DEPTH else value
    if not isinstance(value, dict) or depth >= _MAX_DEPTH:
        return value
    written: dict[str, Any] = {}
    for name, inner in value.items():
        key = _camel_name(name)
        written[key] = inner if key in _DATA else camel(inner, depth + 1)
    return written


_DATA = frozenset(
    ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels")
)


def _camel_name(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest) if rest and head else name


def several(value: Any, where: str) -> list[Any]:
    """The values of an array; Google takes a single one without an array around it, and its own examples send it so."""
    return as_list([value] if isinstance(value, dict) else value, where)


def json_schema(schema: Any, depth: int = 0) -> Any:
    """Google's schema as JSON Schema."""
    if isinstance(schema, list):
        return [json_schema(item, depth + 1) for item in schema]
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return schema
    written: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "type" and isinstance(value, str):
            written["type"] = value.lower()
        elif name in ("properties", "$defs", "defs") and isinstance(value, dict):
            written[name] = {key: json_schema(inner, depth + 1) for key, inner in value.items()}
        elif name in ("nullable", "propertyOrdering"):
            continue
        elif name in ("enum", "required", "default", "example"):
            written[name] = value
        else:
            written[name] = json_schema(value, depth + 1)
    if schema.get("nullable") is True and isinstance(written.get("type"), str):
        written["type"] = [written["type"], "null"]
    return written
