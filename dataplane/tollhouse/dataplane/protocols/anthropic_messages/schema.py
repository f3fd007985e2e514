"""Makes a JSON Schema fit for Anthropic's structured output, which wants closed objects and knows fewer keywords."""

from __future__ import annotations

from typing import Any

_UNKNOWN = frozenset(
    (
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
    )
)
_SCHEMAS = ("properties", "$defs", "definitions", "patternProperties")
_MAX_DEPTH = 64
_VALUES = ("enum", "const", "default", "examples", "required")


def closed_schema(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The schema with its objects closed (whatever fits it fits the original too), and the keywords left out."""
    left_out: list[str] = []
    closed = _close(schema, left_out)
    return closed, left_out


def _close(schema: Any, left_out: list[str], depth: int = 0) -> Any:
    if isinstance(schema, list) and depth < _MAX_DEPTH:
        return [_close(item, left_out, depth + 1) for item in schema]
    if not isinstance(schema, dict) or depth >= _MAX_DEPTH:
        return schema
    closed: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _UNKNOWN or (name == "minItems" and value not in (0, 1)):
            left_out.append(name)
        elif name in _SCHEMAS and isinstance(value, dict):
            closed[name] = {key: _close(inner, left_out, depth + 1) for key, inner in value.items()}
        else:
            closed[name] = value if name in _VALUES else _close(value, left_out, depth + 1)
    if (closed.get("type") == "object" or "properties" in closed) and not isinstance(
        closed.get("additionalProperties"), dict
    ):
        closed["additionalProperties"] = False
    return closed
