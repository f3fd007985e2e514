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


def is_expressible(schema: dict[str, Any]) -> bool:
    """Whether Anthropic's structured output can say it: no maps, whose keys are not known, and nothing in itself."""
    return not _is_map(schema) and not _is_recursive(schema)


def _is_map(schema: Any, depth: int = 0) -> bool:
    if depth >= _MAX_DEPTH:
        return True
    if isinstance(schema, list):
        return any(_is_map(item, depth + 1) for item in schema)
    if not isinstance(schema, dict):
        return False
    more = schema.get("additionalProperties")
    known = isinstance(schema.get("properties"), dict) and bool(schema["properties"])
    if isinstance(more, dict) or (schema.get("type") == "object" and not known and more is not False):
        return True
    inner = {name: value for name, value in schema.items() if name not in _VALUES and name not in _SCHEMAS}
    held = [value for name in _SCHEMAS if isinstance(schema.get(name), dict) for value in schema[name].values()]
    return any(_is_map(value, depth + 1) for value in [*inner.values(), *held])


def _is_recursive(schema: dict[str, Any]) -> bool:
    """Whether a definition leads back to itself."""
    held = {name: schema[name] for name in ("$defs", "definitions") if isinstance(schema.get(name), dict)}
    found = {f"#/{name}/{key}": _references(inner) for name, one in held.items() for key, inner in one.items()}
    reached = {name: set(names) for name, names in found.items()}
    for _ in reached:  # as many steps as there are definitions lead everywhere
        for names in reached.values():
            names |= {further for name in names for further in found.get(name, ())}
    return "#" in _references(schema) or any(name in names for name, names in reached.items())


def _references(schema: Any, depth: int = 0) -> set[str]:
    if depth >= _MAX_DEPTH or not isinstance(schema, list | dict):
        return set()
    if isinstance(schema, list):
        return {name for item in schema for name in _references(item, depth + 1)}
    own = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
    return own | {name for value in schema.values() for name in _references(value, depth + 1)}


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
