"""What is wrong with a chat completions request is said by field, with what came and what was expected."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.chat import Document, Image, Reasoning, ResponseFormat, Text, ToolChoice
from tollhouse.dataplane.errors import ClientError

from tests.support.protocols import OPENAI, decoded, document, protocol


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("fields", "param", "part"),
    [
        ({"messages": None}, "messages", "is missing"),
        ({"messages": []}, "messages", "at least one message, got an empty array"),
        ({"messages": "hi"}, "messages", "an array, got 'hi'"),
        ({"messages": ["hi"]}, "messages[0]", "an object, got 'hi'"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "is missing"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "got 'robot'"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "is missing"),
        ({"messages": [{"role": "assistant"}]}, "messages[0].content", "unless there are tool_calls"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "is missing"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role", "role 'tool'"),
        ({"messages": user(7)}, "messages[0].content", "got 7"),
        ({"messages": user([{"text": "x"}])}, "messages[0].content[0].type", "is missing"),
        ({"messages": user([{"type": "text"}])}, "messages[0].content[0].text", "is missing"),
        ({"messages": user([{"type": "image_url"}])}, "messages[0].content[0].image_url", "got null"),
        (
            {"messages": user([{"type": "image_url", "image_url": {"url": 3}}])},
            "messages[0].content[0].image_url.url",
            "",
        ),
        ({"messages": user([{"type": "file", "file": {}}])}, "messages[0].content[0].file.file_data", "is missing"),
        ({"model": 7}, "model", "a string, got 7"),
        ({"temperature": 3}, "temperature", "a number from 0 to 2, got 3"),
        ({"temperature": "hot"}, "temperature", "a number, got 'hot'"),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
        ({"max_tokens": 1.5}, "max_tokens", "an integer"),
        ({"max_completion_tokens": True}, "max_completion_tokens", "an integer, got True"),
        ({"n": 0}, "n", "from 1 to 128"),
        ({"stream": "yes"}, "stream", "true or false"),
        ({"stop": [1]}, "stop[0]", "a string"),
        ({"tools": {}}, "tools", "an array"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "an object"),
        ({"tools": [{"type": "function", "function": {"parameters": {}}}]}, "tools[0].function.name", "is missing"),
        ({"tool_choice": "any"}, "tool_choice", "'auto', 'none', 'required'"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function", "an object"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "json_schema"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "an object"),
        ({"stream_options": 1}, "stream_options", "an object"),
        ({"user": ["a"]}, "user", "a string"),
    ],
)
def test_a_mistake_is_named(fields: dict[str, Any], param: str, part: str) -> None:
    with pytest.raises(ClientError) as caught:
        decoded(OPENAI, **fields)
    assert caught.value.param == param
    assert caught.value.message.startswith(param)
    assert part in caught.value.message


def test_a_long_value_is_described_and_not_repeated() -> None:
    with pytest.raises(ClientError) as caught:
        decoded(OPENAI, temperature="x" * 5000)
    assert len(caught.value.message) < 120


def test_images_and_files_are_read_from_data_urls() -> None:
    parts = (
        decoded(
            OPENAI,
            messages=user(
                [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAA"}},
                    {"type": "image_url", "image_url": "https://example.com/a.png"},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBB", "filename": "a.pdf"}},
                    {"type": "image_url", "image_url": {"url": "data:text/plain,a%20b"}},
                ]
            ),
        )
        .messages[0]
        .parts
    )
    assert parts[0] == Image(data="AAA", media_type="image/png")
    assert parts[1] == Image(url="https://example.com/a.png")
    assert parts[2] == Document(data="BBB", media_type="application/pdf", name="a.pdf")
    assert parts[3] == Image(data="YSBi", media_type="text/plain")


def test_settings_are_read() -> None:
    chat = decoded(
        OPENAI,
        stop="END",
        reasoning_effort="low",
        tool_choice="required",
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "strict": True}},
        max_tokens=5,
        max_completion_tokens=7.0,
        stream=True,
        stream_options={"include_usage": True},
    )
    assert chat.stop == ["END"]
    assert chat.reasoning == Reasoning(effort="low", enabled=True)
    assert chat.tool_choice == ToolChoice("required")
    assert chat.response_format == ResponseFormat("json_schema", "a", {}, True)
    assert chat.max_tokens == 7
    assert chat.stream_usage
    assert chat.messages[0].parts == [Text("hi")]


def test_peeking_reads_what_routing_needs_and_no_more() -> None:
    peek = protocol(OPENAI).peek(
        document(
            {
                "model": "m",
                "messages": "not looked at",
                "tools": [{"type": "function"}],
                "response_format": {"type": "json_schema"},
                "n": 2,
                "user": "u",
                "max_tokens": 9,
                "stream": True,
            }
        )
    )
    assert (peek.model, peek.stream, peek.max_tokens, peek.choices, peek.user) == ("m", True, 9, 2, "u")
    assert peek.needs == {"tools", "structured_output"}
    assert protocol(OPENAI).peek(document({"tools": []})).needs == frozenset()
    with pytest.raises(ClientError):
        protocol(OPENAI).peek(document({"model": ["m"]}))
