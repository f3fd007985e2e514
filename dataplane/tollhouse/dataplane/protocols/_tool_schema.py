"""Makes the JSON Schema of a tool's arguments one that every provider takes: at its top an object and nothing else."""

from __future__ import annotations

from typing import Any

_MERGED = ("allOf", "anyOf", "oneOf")
_REFUSED = ("enum", "const", "not")
_MAX_DEPTH = 64


def object_schema(schema: dict[str, Any] | None) -> tuple[dict[str, Any], list[str]]:
    """The schema with ``type: object`` at its top, and the keywords left out there. Alternatives, which OpenAI and
    Anthropic refuse at the top, are merged into one object that takes whatever any of them takes."""
    made = _followed(dict(schema or {}), schema or {}, set())
    left_out = [name for name in (*_MERGED, *_REFUSED) if name in made]
    for name in _MERGED:
        if name in made:
            _merge(made, made.pop(name), schema or {}, every=name == "allOf")
    for name in _REFUSED:
        made.pop(name, None)
    made["type"] = "object"  # some leave it to be guessed, or take null besides
    return made, left_out


def followed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where its top only refers to one of its own definitions."""
    return _followed(schema, schema, set())


def _followed(schema: dict[str, Any], root: dict[str, Any], seen: set[str]) -> dict[str, Any]:
    """The schema itself where it only refers to one of the document's own."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or reference in seen or not reference.startswith("#/"):
        return schema
    found: Any = root
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return schema
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    return _followed({**found, **rest}, root, {*seen, reference})


def _merge(made: dict[str, Any], branches: Any, root: dict[str, Any], *, every: bool) -> None:
    """Take the properties of all branches; required are those of one (``every``), or those of all of them."""
    found = [_followed(one, root, set()) for one in branches if isinstance(one, dict)] if branches else []
    properties = dict(made.get("properties") or {})
    for one in found:
        inner = one.get("properties")
        for name, value in (inner if isinstance(inner, dict) else {}).items():
            known = properties.get(name)
            properties[name] = value if known in (None, value) else {"anyOf": [*_alternatives(known), value]}
    wanted = [set(one["required"]) if isinstance(one.get("required"), list) else set() for one in found]
    shared = set.union(*wanted) if wanted and every else set.intersection(*wanted) if wanted else set()
    required = [*(made.get("required") or []), *sorted(shared - set(made.get("required") or []))]
    made["properties"] = properties
    if required:
        made["required"] = required


def _alternatives(schema: Any) -> list[Any]:
    if isinstance(schema, dict) and set(schema) == {"anyOf"} and isinstance(schema["anyOf"], list):
        return schema["anyOf"]
    return [schema]


def with_items(schema: Any, depth: int = 0) -> Any:
    """The schema with ``items`` in every array: OpenAI refuses those without. Unchanged parts are the same objects."""
    if depth > _MAX_DEPTH:
        return schema
    if isinstance(schema, list):
        listed = [with_items(one, depth + 1) for one in schema]
        return listed if any(new is not old for new, old in zip(listed, schema, strict=True)) else schema
    if not isinstance(schema, dict):
        return schema
    made = {
        name: value if name in ("enum", "const", "default", "examples", "required") else with_items(value, depth + 1)
        for name, value in schema.items()
    }
    kind = schema.get("type")
    if (kind == "array" or (isinstance(kind, list) and "array" in kind)) and "items" not in schema:
        made["items"] = {}
    return made if any(made.get(name) is not schema.get(name) for name in made) else schema
