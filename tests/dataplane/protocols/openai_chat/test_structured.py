"""Strict mode is asked for only where OpenAI takes the schema as strict."""

from __future__ import annotations

from typing import Any

import pytest
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


@pytest.mark.parametrize("target", ["openai_chat", "openai_responses"])
def test_an_enum_of_google_is_asked_for_without_strict(target: str) -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a", "b"]}}
    asked = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": config}
    chat = protocol("gemini_generate").decode_request(document(asked))
    body = protocol(target).encode_request(chat, max_output_tokens=None).body
    told = body["response_format"]["json_schema"] if target == "openai_chat" else body["text"]["format"]
    assert told["schema"] == {"type": "string", "enum": ["a", "b"]}
    assert told["strict"] is False
