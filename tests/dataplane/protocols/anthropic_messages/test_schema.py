"""Schemas made fit for Anthropic's structured output."""

from __future__ import annotations

from tests.support.protocols import OPENAI, crossed


def test_a_schema_is_closed_and_what_anthropic_does_not_know_is_named() -> None:
    schema = {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "minimum": 3},
            "list": {"type": "array", "minItems": 2, "items": {"type": "object", "properties": {}}},
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
