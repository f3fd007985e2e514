"""JSON as clients send it: decoded with errors that say what is wrong, and never nested dangerously deep."""

from __future__ import annotations

from typing import Any

import orjson
from tollhouse.controlplane.service.refusal import invalid
from tollhouse.proto.documents.marked import BadText, read_yaml

MAX_DEPTH = 64

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
        documents = read_yaml(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise BrokenBody("the text is not UTF-8", raw) from None
    except BadText as error:
        raise BrokenBody(f"{error.what} in line {error.line}", raw) from None
    if len(documents) > 1:
        raise BrokenBody(f"expected one YAML document, came {len(documents)}", raw)
    return documents[0].plain() if documents else MISSING


def check_depth(value: Any) -> None:
    """Raises Refusal for a value nested so deep that walking it would be a danger."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise invalid(f"invalid request body: nested deeper than {MAX_DEPTH} levels")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [item for item in value.values() if isinstance(item, dict | list)]
    return [item for item in value if isinstance(item, dict | list)] if isinstance(value, list) else []
