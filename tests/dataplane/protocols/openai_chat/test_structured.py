"""Strict mode is asked for only where OpenAI takes the schema as strict."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols.openai_chat.structured import is_strict

from tests.support.protocols import document, protocol

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
LIST = {"type": "array", "items": CLOSED}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "properties": {"a": LIST}}, True),
        (OPEN, False),
        ({**CLOSED, "properties": {"a": {"type": "array", "items": OPEN}}}, False),
        ({**CLOSED, "anyOf": [CLOSED]}, False),
        ({"anyOf": [CLOSED]}, False),
        (LIST, False),
        ({"type": "string", "enum": ["a", "b"]}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_strict_schema_is_a_closed_object_from_its_top(schema: Any, strict: bool) -> None:
    assert is_strict(schema) is strict


@pytest.mark.parametrize("schema", [CLOSED, OPEN])
def test_a_tool_of_another_format_is_strict_only_where_openai_takes_it(schema: dict[str, Any]) -> None:
    tool = {"type": "function", "name": "f", "parameters": schema, "strict": True}
    asked = document({"model": "m", "input": "hi", "tools": [tool]})
    chat = protocol("openai_responses").decode_request(asked)
    body = protocol("openai_chat").encode_request(chat, max_output_tokens=None).body
    assert body["tools"][0]["function"]["strict"] is (schema is CLOSED)


def crossed(target: str, config: dict[str, Any], text: str = "hi") -> Encoded:
    """A request of Google's as one of OpenAI's."""
    asked = {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": config}
    chat = protocol("gemini_generate").decode_request(document(asked))
    return protocol(target).encode_request(chat, max_output_tokens=None)


def form_of(body: dict[str, Any]) -> Any:
    """What is asked of either format."""
    told = body.get("response_format") or body.get("text", {}).get("format")
    return told.get("json_schema", told) if told else None


@pytest.mark.parametrize("target", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize(
    "config",
    [
        {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a", "b"]}},
        {"responseMimeType": "application/json", "responseSchema": {"type": "ARRAY", "items": {"type": "STRING"}}},
        {"responseMimeType": "application/json", "responseJsonSchema": {"anyOf": [CLOSED, {"type": "null"}]}},
    ],
)
def test_what_is_no_object_at_its_top_is_told_in_words(target: str, config: dict[str, Any]) -> None:
    """OpenAI refuses such schemas, strict or not; a list of something is what Google's clients ask for most."""
    encoded = crossed(target, config)
    assert form_of(encoded.body) is None
    assert encoded.dropped == ["response_format"]
    first = (encoded.body.get("messages") or encoded.body["input"])[0]
    assert first["role"] == "system"
    assert "fits this JSON Schema" in str(first["content"])


@pytest.mark.parametrize("target", ["openai_chat", "openai_responses"])
def test_an_object_is_found_behind_references_and_without_a_type(target: str) -> None:
    for schema in ({"$defs": {"a": CLOSED}, "$ref": "#/$defs/a"}, {"properties": {"a": {"type": "string"}}}):
        encoded = crossed(target, {"responseMimeType": "application/json", "responseJsonSchema": schema})
        assert form_of(encoded.body)["schema"]["type"] == "object"
        assert encoded.dropped == []


@pytest.mark.parametrize("target", ["openai_chat", "openai_responses"])
def test_any_object_is_asked_for_with_the_word_openai_wants(target: str) -> None:
    """It refuses the mode where nobody speaks of JSON."""
    silent, told = (
        crossed(target, {"responseMimeType": "application/json"}, text) for text in ("hi", "as JSON, please")
    )
    assert "JSON object" in str(silent.body.get("messages") or silent.body["input"])
    assert "JSON object" not in str(told.body.get("messages") or told.body["input"])
    assert form_of(silent.body) == form_of(told.body) == {"type": "json_object"}
