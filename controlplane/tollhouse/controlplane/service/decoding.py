"""JSON as clients send it: decoded with errors that say what is wrong, and never nested dangerously deep."""

from __future__ import annotations

from typing import Any

import orjson
import yaml
from tollhouse.controlplane.service.refusal import invalid

MAX_DEPTH = 64
MAX_PARTS = 200_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MISSING: Any = object()
"""Stands for a body that did not come, where null means something."""


class BrokenBody(Exception):
    """What came is no JSON. REST's answer repeats it, as APISIX's does."""

    def __init__(self, reason: str, raw: bytes) -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw


def decode_json(raw: bytes) -> Any:
    """The value, MISSING when nothing came. Raises BrokenBody, and Refusal for dangerous nesting."""
    if not raw.strip():
        return MISSING
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BrokenBody(str(error), raw) from None
    check_depth(value)
    return value


def decode_yaml(raw: bytes) -> Any:
    """The same for YAML."""
    try:
        value = yaml.load(raw, Loader=_LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BrokenBody(" ".join(str(error).split()), raw) from None
    check_depth(value)
    return MISSING if value is None else value


def check_depth(value: Any) -> None:
    """Raises Refusal for a value nested so deep, or so large, that walking it would be a danger."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
        if len(level) > MAX_PARTS:  # YAML aliases can unfold a small text into a huge value
            raise invalid(f"invalid request body: more than {MAX_PARTS} objects and lists")
    raise invalid(f"invalid request body: nested deeper than {MAX_DEPTH} levels")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [item for item in value.values() if isinstance(item, dict | list)]
    return [item for item in value if isinstance(item, dict | list)] if isinstance(value, list) else []
