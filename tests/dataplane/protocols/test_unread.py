"""Fields inside messages, parts and tools that no other format has are named as dropped."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.protocols.anthropic_messages.read_request import read_request as read_messages
from tollhouse.dataplane.protocols.gemini_generate.read_request import read_request as read_gemini
from tollhouse.dataplane.protocols.openai_chat.read_request import read_request as read_chat
from tollhouse.dataplane.protocols.openai_chat.write_request import write_request as write_chat
from tollhouse.dataplane.protocols.openai_responses.read_request import read_request as read_responses

_CHAT = {
    "model": "m",
    "messages": [
        {
            "role": "user",
            "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "bar": 1, "image_url": "u"}],
        },
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "zoom": 2}}], "foo": 0},
        {
            "role": "assistant",
            "foo": 1,
            "annotations": [],
            "audio": None,
            "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"a": 1}}],
        },
    ],
    "tools": [{"type": "function", "baz": True, "function": {"name": "f", "examples": ["x"]}}],
}
_MESSAGES = {
    "model": "m",
    "max_tokens": 9,
    "system": [{"type": "text", "text": "s", "weight": 1}],
    "messages": [
        {"role": "user", "content": "hi", "output_config": {"effort": "low"}},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"a": 1}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x", "y": 1}]}
            ],
        },
    ],
}
_RESPONSES = {
    "model": "m",
    "include": ["reasoning.encrypted_content", "file_search_call.results"],
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi", "foo": 1}]},
        {"type": "message", "id": "m", "status": "completed", "role": "assistant", "phase": "final", "content": "x"},
    ],
    "tools": [{"type": "custom", "name": "c", "bar": 1}],
}
_GEMINI = {
    "contents": {"parts": [{"text": "hi", "video_metadata": {"fps": 1}}], "foo": 1},
    "tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}],
    "toolConfig": {"retrievalConfig": {"languageCode": "de"}},
}


@pytest.mark.parametrize(
    ("read", "body", "names"),
    [
        (
            read_chat,
            _CHAT,
            [
                "messages.content.bar",
                "messages.content.image_url.zoom",
                "messages.foo",
                "messages.tool_calls.extra_content",
                "tools.baz",
                "tools.function.examples",
            ],
        ),
        (
            read_messages,
            _MESSAGES,
            ["messages.content.caller", "messages.content.content.y", "messages.output_config", "system.weight"],
        ),
        (
            read_responses,
            _RESPONSES,
            ["input.content.foo", "input.phase", "tools.bar", "include.file_search_call.results"],
        ),
        (
            read_gemini,
            _GEMINI,
            [
                "contents.foo",
                "contents.parts.videoMetadata",
                "toolConfig.retrievalConfig",
                "tools.functionDeclarations.behavior",
            ],
        ),
    ],
    ids=["chat", "messages", "responses", "gemini"],
)
def test_what_no_other_format_has_is_named_once_without_its_place(
    read: Any, body: dict[str, Any], names: list[str]
) -> None:
    """Each name once and sorted; what is null or empty is nothing."""
    assert read(body).unread == names


def test_clients_cannot_make_the_list_long() -> None:
    """Sixteen names at most, however many fields a client makes up."""
    message = {"role": "user", "content": "hi", **{f"field_{i}": i for i in range(1000)}}
    assert len(read_chat({"model": "m", "messages": [message] * 50}).unread) == 16


def test_odd_values_in_known_fields_are_passed_over() -> None:
    """Parts hold what nobody reads, of any type."""
    body = {"contents": [{"parts": [{"text": "hi", "fileData": [1, "x", None]}]}]}
    assert read_gemini(body).unread == []


def test_the_names_reach_another_format_and_not_the_own() -> None:
    """What was written in the client's own format has lost nothing."""
    foreign, own = read_messages(_MESSAGES), read_chat(_CHAT)
    assert "messages.output_config" in write_chat(foreign, None).dropped
    assert "messages.foo" not in write_chat(own, None).dropped


def test_what_choices_and_forms_hold_is_named_as_well() -> None:
    """Of objects beside the messages: by their whole path."""
    said = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    schema = {"name": "n", "schema": {"type": "object"}, "version": 2}
    chat = {
        **said,
        "response_format": {"type": "json_schema", "json_schema": schema},
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {"type": "function", "function": {"name": "f", "why": "x"}},
    }
    named = ["response_format.json_schema.version", "stream_options.include_obfuscation", "tool_choice.function.why"]
    assert read_chat(chat).unread == named
    form = {"type": "json_schema", **schema}
    assert read_responses({"model": "m", "input": "hi", "text": {"format": form}}).unread == ["text.format.version"]
    thinking = {"thinkingBudget": 9, "thinkingStyle": "brief"}
    contents = [{"parts": [{"text": "hi"}]}]
    gemini = {"contents": contents, "generationConfig": {"thinkingConfig": thinking}}
    assert read_gemini({**gemini, "model": "m"}).unread == ["generationConfig.thinkingConfig.thinkingStyle"]
