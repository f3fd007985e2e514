"""Reads what a client wrote, field by field: every complaint names the field, what came and what was expected."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.errors import ClientError

_MAX_INTEGER = 1 << 63
MOST_COUNTED = 1 << 32
"""Tokens: an answer of more is a provider's mistake."""
NOT_CARRIED = "unsupported_parameter"
"""The code of what a format cannot carry."""
_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", int: "an integer", float: "a number"}


def describe(value: Any) -> str:
    """What came, short enough for an error message."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return _NAMES[type(value)] if value else f"an empty {'object' if isinstance(value, dict) else 'array'}"
    shown = repr(value)
    return shown if len(shown) <= 48 else f"{_NAMES.get(type(value), 'a value')} of {len(str(value))} characters"


def wrong(where: str, value: Any, expected: str) -> ClientError:
    """The error for a field that holds something else than it must."""
    return ClientError(400, "invalid_value", f"{where}: expected {expected}, got {describe(value)}.", param=where)


def missing(where: str, expected: str) -> ClientError:
    """The error for a field that must be there."""
    return ClientError(400, "missing_field", f"{where} is missing: expected {expected}.", param=where)


def unsupported(where: str, reason: str) -> ClientError:
    """The error for what the chosen provider's format cannot carry and may not be left out silently."""
    return ClientError(400, NOT_CARRIED, f"{where}: {reason}", param=where)


def as_object(value: Any, where: str) -> dict[str, Any]:
    """The value, if it is an object."""
    if not isinstance(value, dict):
        raise wrong(where, value, "an object")
    return value


def as_list(value: Any, where: str) -> list[Any]:
    """The value, if it is an array; null counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(where, value, "an array")
    return value


def get_text(holder: dict[str, Any], name: str, where: str, default: str | None = "") -> str:
    """A string field; absent or null gives the default, and None as default makes the field required."""
    value = holder.get(name)
    if value is None:
        if default is None:
            raise missing(f"{where}.{name}" if where else name, "a string")
        return default
    if not isinstance(value, str):
        raise wrong(f"{where}.{name}" if where else name, value, "a string")
    return value


def get_integer(
    holder: dict[str, Any], name: str, where: str = "", *, low: int | None = None, high: int | None = None
) -> int | None:
    """An integer field (12.0 counts as 12), None when absent or null."""
    value = holder.get(name)
    if value is None:
        return None
    place = f"{where}.{name}" if where else name
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_INTEGER:
        raise wrong(place, value, "an integer")
    if (low is not None and value < low) or (high is not None and value > high):
        raise wrong(place, value, _range("an integer", low, high))
    return value


def get_number(
    holder: dict[str, Any], name: str, where: str = "", *, low: float | None = None, high: float | None = None
) -> float | None:
    """A number field, None when absent or null."""
    value = holder.get(name)
    if value is None:
        return None
    place = f"{where}.{name}" if where else name
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(place, value, "a number")
    if (low is not None and value < low) or (high is not None and value > high):
        raise wrong(place, value, _range("a number", low, high))
    return value


def get_flag(holder: dict[str, Any], name: str, where: str = "") -> bool | None:
    """A boolean field, None when absent or null."""
    value = holder.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise wrong(f"{where}.{name}" if where else name, value, "true or false")


def count(value: Any) -> int:
    """A token count in a provider's reply; 0 for anything that is not one. No answer has billions of tokens: what
    would is a provider's mistake, and would not fit where costs are summed up."""
    if type(value) is int:
        return value if 0 <= value < MOST_COUNTED else 0
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value < 0:
        return 0
    return int(value) if value < MOST_COUNTED else 0


def words(value: Any) -> str:
    """A string in a provider's reply; empty for anything else."""
    return value if isinstance(value, str) else ""


def _range(kind: str, low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    return f"{kind} of at least {low}" if low is not None else f"{kind} of at most {high}"
