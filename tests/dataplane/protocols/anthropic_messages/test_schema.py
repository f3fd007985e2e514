"""Schemas made fit for Anthropic's structured output."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tollhouse.dataplane.protocols.anthropic_messages.schema import is_expressible

from tests.support.protocols import OPENAI, crossed

ROW = {"type": "object", "properties": {"a": {"type": "string"}}}


def test_a_schema_is_closed_and_what_anthropic_does_not_know_is_named() -> None:
    schema = {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "minimum": 3},
            "list": {"type": "array", "minItems": 2, "items": {"type": "object", "properties": {"a": {}}}},
        },
        "required": ["minimum"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    encoded = crossed(OPENAI, response_format=wanted)
    sent = encoded.body["output_config"]["format"]["schema"]
    assert sent["additionalProperties"] is False
    assert sent["properties"]["minimum"] == {"type": "integer"}
    assert sent["properties"]["list"]["items"]["additionalProperties"] is False
    assert set(encoded.dropped) == {"response_format.minimum", "response_format.minItems"}
    assert schema["properties"]["minimum"]["minimum"] == 3  # the client's own is not touched


@pytest.mark.parametrize(
    ("schema", "expressible"),
    [
        (ROW, True),
        ({**ROW, "additionalProperties": True}, True),
        ({"type": "array", "items": ROW}, True),
        ({"$defs": {"row": ROW}, "$ref": "#/$defs/row"}, True),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({"type": "object", "properties": {"object": {"type": "string", "enum": ["object"]}}}, True),
        ({"type": "object"}, False),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, False),
        ({"type": "object", "properties": {"counts": {"type": "object", "additionalProperties": True}}}, False),
        ({"type": "object", "properties": {"next": {"$ref": "#"}}}, False),
        (
            {
                "$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/b"}}}, "b": {"items": {"$ref": "#/$defs/a"}}},
                "$ref": "#/$defs/a",
            },
            False,
        ),
    ],
)
def test_what_cannot_be_said_in_a_closed_schema_is_told_in_words(schema: dict[str, Any], expressible: bool) -> None:
    """Closed, a map would only ever be empty; Anthropic refuses schemas that contain themselves."""
    kept = copy.deepcopy(schema)
    assert is_expressible(schema) is expressible
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    encoded = crossed(OPENAI, response_format=wanted)
    assert ("output_config" in encoded.body) is expressible
    assert ("JSON Schema" in encoded.body.get("system", "")) is not expressible
    assert ("response_format" in encoded.dropped) is not expressible
    assert schema == kept
