"""What is wrong with a messages request is said by field, with what came and what was expected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import Opaque, Reasoning, Text, ToolChoice, ToolResult
from tollhouse.dataplane.errors import ClientError

from tests.support.protocols import ANTHROPIC, OPENAI, decoded, document, protocol


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("fields", "param", "part"),
    [
        ({"messages": None}, "messages", "is missing"),
        ({"messages": {}}, "messages", "an array"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "'user' or 'assistant', got 'tool'"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "is missing"),
        ({"messages": user([1])}, "messages[0].content[0]", "an object, got 1"),
        ({"messages": user([{"type": "text"}])}, "messages[0].content[0].text", "is missing"),
        ({"messages": user([{"type": "image"}])}, "messages[0].content[0].source", "an object"),
        ({"messages": user([{"type": "tool_result"}])}, "messages[0].content[0].tool_use_id", "is missing"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]},
            "messages[0].content",
            "user messages only",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": 1}]}
                ]
            },
            "messages[0].content[0].input",
            "an object",
        ),
        ({"system": 7}, "system", "a string or an array"),
        ({"system": [{"type": "text"}]}, "system[0].text", "is missing"),
        ({"temperature": 1.5}, "temperature", "from 0 to 1"),
        ({"max_tokens": "many"}, "max_tokens", "an integer"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name", "is missing"),
        ({"tools": [{"name": "f", "input_schema": []}]}, "tools[0].input_schema", "an object"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type", "'auto', 'any'"),
        ({"thinking": {"type": "hard"}}, "thinking.type", "'enabled'"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens", "is missing"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type", "'json_schema'"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id", "a string"),
        ({"stop_sequences": "END"}, "stop_sequences", "an array"),
    ],
)
def test_a_mistake_is_named(fields: dict[str, Any], param: str, part: str) -> None:
    with pytest.raises(ClientError) as caught:
        decoded(ANTHROPIC, **fields)
    assert caught.value.param == param
    assert part in caught.value.message


def test_results_come_before_the_rest_of_their_turn() -> None:
    chat = decoded(
        ANTHROPIC,
        messages=user(
            [
                {"type": "text", "text": "and?"},
                {"type": "tool_result", "tool_use_id": "a", "content": "1", "is_error": True},
                {"type": "tool_result", "tool_use_id": "b"},
            ]
        ),
    )
    assert [message.role for message in chat.messages] == ["tool", "user"]
    assert chat.messages[0].parts == [ToolResult("a", [Text("1")], True), ToolResult("b", [])]


def test_settings_are_read() -> None:
    chat = decoded(
        ANTHROPIC,
        thinking={"type": "enabled", "budget_tokens": 2000},
        output_config={"effort": "high"},
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        output_format={"type": "json_schema", "schema": {"type": "object"}},
    )
    assert chat.reasoning == Reasoning("high", 2000, True)
    assert chat.tool_choice == ToolChoice("required")
    assert chat.parallel_tool_calls is False
    assert chat.response_format is not None
    assert chat.response_format.schema == {"type": "object"}


PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}


def test_documents_are_carried_unless_their_citations_are_wanted() -> None:
    off = decoded(ANTHROPIC, messages=user([{**PDF, "citations": {"enabled": False}}]))
    assert off.messages[0].parts == decoded(ANTHROPIC, messages=user([PDF])).messages[0].parts
    on = decoded(ANTHROPIC, messages=user([{**PDF, "citations": {"enabled": True}}]))
    assert isinstance(on.messages[0].parts[0], Opaque)


@pytest.mark.parametrize("target", [OPENAI, "openai_responses", "gemini_generate", "bedrock_converse", ANTHROPIC])
def test_a_summary_of_what_was_said_reaches_every_model(target: str) -> None:
    """The client may have left out all that came before it."""
    said = {"role": "assistant", "content": [{"type": "compaction", "content": "They said hello."}]}
    chat = decoded(ANTHROPIC, messages=[*user("x"), said, *user("y")])
    encoded = protocol(target).encode_request(chat, max_output_tokens=None)
    assert "They said hello." in json.dumps(encoded.body)
    assert ('"compaction"' in json.dumps(encoded.body)) == (target == ANTHROPIC)
    assert encoded.dropped == []


def test_peeking_reads_what_routing_needs_and_no_more() -> None:
    peek = protocol(ANTHROPIC).peek(
        document({"model": "m", "messages": 1, "max_tokens": 5, "tools": [{"name": "f"}], "metadata": {"user_id": "u"}})
    )
    assert (peek.model, peek.max_tokens, peek.user, peek.needs) == ("m", 5, "u", {"tools"})


def test_paths_are_claimed_wherever_they_are_mounted() -> None:
    assert protocol(ANTHROPIC).claims("/v1/messages", None)
    assert protocol(ANTHROPIC).claims("/team/anthropic/v1/messages", None)
    assert not protocol(ANTHROPIC).claims("/v1/chat/completions", None)


def test_unsigned_thinking_is_taken_out_on_the_way_to_anthropic() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": ""}
    signed = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    body = document(
        {
            "messages": [
                {"role": "assistant", "content": [thinking, {"type": "text", "text": "a"}]},
                {"role": "assistant", "content": [signed]},
                {"role": "assistant", "content": [thinking]},
            ]
        }
    )
    dropped: list[str] = []
    assert protocol(ANTHROPIC).passthrough_edits(body, dropped) is False
    assert dropped == ["thinking"]
    assert body.get("messages") == [
        {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": [signed]},
    ]
    untouched = document({"messages": [{"role": "assistant", "content": [signed]}]})
    protocol(ANTHROPIC).passthrough_edits(untouched, [])
    assert untouched.encode() is untouched.raw
