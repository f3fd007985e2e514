"""What OpenAI accepts."""

from typing import Any

import pytest
from tollhouse.cli.simulator.ask import Refusal
from tollhouse.cli.simulator.openai_wire import read_chat, read_embeddings

USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": list(messages), **more}


@pytest.mark.parametrize(
    ("document", "message", "param"),
    [
        ({"model": "gpt-4o"}, "Missing required parameter: 'messages'", "messages"),
        (chat(), "empty array", "messages"),
        (chat({"role": "robot", "content": "x"}), "Supported values are: 'system'", "messages[0].role"),
        (chat(USER, tools=[]), "Invalid 'tools': empty array", "tools"),
        (chat(USER, tools=[{"type": "function", "function": {"name": "a b"}}]), "pattern", "tools[0].function.name"),
        (
            chat(USER, tools=[{"type": "function", "function": {"name": "a" * 65}}]),
            "too long",
            "tools[0].function.name",
        ),
        (chat(USER, {"role": "tool", "tool_call_id": "c1", "content": "x"}), "preceeding message", "messages[1].role"),
        (chat(USER, CALLED), "did not have response messages: c1", "messages"),
        (chat(USER, CALLED, USER), "did not have response messages: c1", "messages"),
        (chat({"role": "user", "content": None}), "got null", "messages[0].content"),
        (chat(USER, tool_choice="auto"), "only allowed when 'tools'", "tool_choice"),
        (chat(USER, stream_options={"include_usage": True}), "only allowed when 'stream'", "stream_options"),
        (chat(USER, temperature=3.0), "temperature", "temperature"),
        (chat(USER, top_k=3), "Unknown parameter: 'top_k'", "top_k"),
        (chat(USER, response_format={"type": "json_object"}), "word 'json'", "messages"),
        ({**chat(USER, max_tokens=5), "model": "gpt-5"}, "Use 'max_completion_tokens'", "max_tokens"),
    ],
)
def test_refusals_name_the_field(document: dict[str, Any], message: str, param: str) -> None:
    """What the provider refuses is refused with status 400, its text and the field."""
    with pytest.raises(Refusal) as caught:
        read_chat(document)
    assert caught.value.status == 400
    assert message in caught.value.message
    assert caught.value.param == param


def test_whole_tool_conversation_is_accepted() -> None:
    """Calls answered in any order, then a user message."""
    second = {**CALL, "id": "c2"}
    read_chat(
        chat(
            USER,
            {**CALLED, "tool_calls": [CALL, second]},
            {"role": "tool", "tool_call_id": "c2", "content": "x"},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "x"}]},
            USER,
            tools=[TOOL],
            tool_choice={"type": "function", "function": {"name": "f"}},
        )
    )


def test_lenient_reader_ignores_unknown_fields() -> None:
    """vLLM takes fields OpenAI does not know."""
    request = read_chat(chat({**USER, "reasoning_content": "x"}, top_k=3), lenient=True)
    assert request.model == "gpt-4o"


def test_empty_embedding_input_is_refused() -> None:
    """An empty text cannot be embedded."""
    with pytest.raises(Refusal, match="empty string"):
        read_embeddings({"model": "m", "input": ""})


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {}}, "must have type 'object'"),
        ({"type": "object", "properties": {}, "anyOf": []}, "at the top level"),
        ({"type": "object"}, "missing properties"),
        ({"type": "object", "properties": {"a": {"type": "array"}}}, "missing items"),
    ],
)
def test_schemas_of_functions_are_looked_into(schema: dict[str, Any], why: str) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    with pytest.raises(Refusal, match=why):
        read_chat({**body, "tools": [tool]})


@pytest.mark.parametrize(
    ("schema", "why"),
    [({"type": "array", "items": {}}, "got 'type: \"array\"'"), ({"anyOf": []}, "got 'type: \"None\"'")],
)
def test_an_answer_is_an_object_at_its_top(schema: dict[str, Any], why: str) -> None:
    """Strict or not; compatible servers take more."""
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "response_format": wanted}
    with pytest.raises(Refusal, match=why):
        read_chat(body)
    assert read_chat(body, lenient=True).response_format is not None
