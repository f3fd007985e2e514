"""What Anthropic demands of the JSON Schema of a structured answer."""

from __future__ import annotations

from typing import Any

_DATA = ("enum", "const", "default", "examples", "required")
_NAMED = ("properties", "$defs", "definitions")
_UNKNOWN = ("minimum", "maximum", "minLength", "maxLength", "multipleOf", "maxItems")


def complaint(schema: Any) -> str:
    """What is wrong with it; empty when nothing is."""
    if isinstance(schema, list):
        return next(filter(None, map(complaint, schema)), "")
    if not isinstance(schema, dict):
        return ""
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return "For 'object' type, 'additionalProperties' must be explicitly set to false"
    unknown = next((name for name in _UNKNOWN if name in schema), "")
    if unknown:
        return f"For '{schema.get('type')}' type, property '{unknown}' is not supported"
    named = [inner for name in _NAMED if isinstance(schema.get(name), dict) for inner in schema[name].values()]
    plain = [inner for name, inner in schema.items() if name not in _DATA and name not in _NAMED]
    return next(filter(None, map(complaint, [*named, *plain])), "")
