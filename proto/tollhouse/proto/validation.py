"""pydantic's findings as problems that name the field, what came and what was expected."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from tollhouse.proto.problems import Problem

_SECRETISH = ("key", "auth", "secret", "password", "token", "header", "credential", "cert")

_TYPES = {"string_type": "a string", "int_type": "an integer", "float_type": "a number", "bool_type": "true or false"}


def explain_validation(error: ValidationError, where: str) -> list[Problem]:
    """One problem per finding. Values are shown only where they cannot be secrets."""
    return [_problem(item, where) for item in error.errors(include_url=False)]


def _problem(item: Any, where: str) -> Problem:
    path = ".".join(str(step) for step in item["loc"])
    place = f"{where}.{path}" if where and path else where or path
    kind = item["type"]
    if kind == "extra_forbidden":
        return Problem(place, "unknown field", "remove it, or check its spelling")
    if kind == "missing":
        return Problem(place, "this field is required and missing")
    if kind == "json_invalid":
        return Problem(place, f"not valid JSON: {item['ctx']['error']}")
    came = item.get("input")
    if kind in _TYPES:
        return Problem(place, f"expected {_TYPES[kind]}, came {_shown(came, path)}")
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return Problem(place, f"expected an object, came {_shown(came, path)}")
    if kind in ("list_type", "tuple_type"):
        return Problem(place, f"expected a list, came {_shown(came, path)}")
    if kind == "literal_error":
        return Problem(place, f"expected {item['ctx']['expected']}, came {_shown(came, path)}")
    if kind == "value_error":  # our own sentence: it already says what came
        return Problem(place, str(item["msg"]).removeprefix("Value error, "))
    return Problem(place, f"{item['msg']}, came {_shown(came, path)}")


def json_type(value: Any) -> str:
    """How JSON calls the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list | tuple) else "an object"


def _shown(value: Any, path: str) -> str:
    """The value when it is short, plain and no secret; else its type."""
    lowered = path.lower()
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, dict | list | tuple) or any(word in lowered for word in _SECRETISH):
        return json_type(value)
    if isinstance(value, str):
        return repr(value) if len(value) <= 80 else f"a string of {len(value)} characters"
    return f"the number {value}"
