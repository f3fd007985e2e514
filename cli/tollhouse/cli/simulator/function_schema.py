"""What OpenAI demands of the JSON Schema of a function or an answer, strict or not."""

from __future__ import annotations

from typing import Any

from tollhouse.cli.simulator.ask import Refusal

_TOP_LEVEL = ("oneOf", "anyOf", "allOf", "enum", "not")


def check_parameters(name: str, schema: dict[str, Any] | None, where: str) -> None:
    """Raises Refusal."""
    if not schema:
        return
    if schema.get("type") != "object" or any(word in schema for word in _TOP_LEVEL):
        listed = "/".join(repr(word) for word in _TOP_LEVEL)
        raise _refusal(name, f"schema must have type 'object' and not have {listed} at the top level.", where)
    if "properties" not in schema:
        raise _refusal(name, "In context=(), object schema missing properties.", where)
    if _lacks_items(schema):
        raise _refusal(name, "array schema missing items.", where)


def check_answer(name: str, schema: dict[str, Any], where: str) -> None:
    """Raises Refusal."""
    if schema.get("type") != "object":
        kind = schema.get("type", "None")
        what = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
        raise Refusal(400, f"Invalid schema for response_format '{name}': {what}", param=where)
    if _lacks_items(schema):
        what = "In context=(), array schema missing items."
        raise Refusal(400, f"Invalid schema for response_format '{name}': {what}", param=where)


def _refusal(name: str, message: str, where: str) -> Refusal:
    text = f"Invalid schema for function '{name}': {message}"
    return Refusal(400, text, code="invalid_function_parameters", param=where)


def _lacks_items(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_lacks_items, schema))
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "array" and "items" not in schema:
        return True
    return any(_lacks_items(value) for name, value in schema.items() if name not in ("enum", "const", "default"))
