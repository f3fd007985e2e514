"""Schemas Anthropic refuses for structured answers."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.cli.simulator.closed_schema import complaint

CLOSED = {"type": "object", "properties": {"minimum": {"type": "string"}}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (CLOSED, ""),
        ({"type": "array", "items": CLOSED}, ""),
        ({"type": "object", "properties": {}}, "additionalProperties"),
        ({**CLOSED, "properties": {"a": {"type": "object", "additionalProperties": {}}}}, "additionalProperties"),
        ({**CLOSED, "properties": {"a": {"type": "integer", "minimum": 1}}}, "minimum"),
        ({**CLOSED, "$defs": {"a": {"type": "object"}}}, "additionalProperties"),
    ],
)
def test_objects_are_closed_and_keywords_known(schema: dict[str, Any], why: str) -> None:
    assert why in complaint(schema)
    assert bool(why) is bool(complaint(schema))
