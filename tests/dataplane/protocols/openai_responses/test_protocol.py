"""What the golden fixtures do not show of OpenAI's responses: refusals, kinds of tools, reasoning that travels."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Finished,
    PartEnded,
    PartStarted,
    ReplyStarted,
    Thinking,
    ThinkingDelta,
)
from tollhouse.dataplane.errors import ClientError, UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.protocols import ANTHROPIC, OPENAI, document, protocol, written

RESPONSES = "openai_responses"
FORMAT = protocol(RESPONSES)
PATCH = {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "s: x"}}
AGENTS = {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "spawn"}]}


def request(**fields: Any) -> Any:
    return FORMAT.decode_request(document({"model": "m", "input": "hi", **fields}))


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "prompt"])
@pytest.mark.parametrize("target", [OPENAI, ANTHROPIC])
def test_what_only_openai_keeps_is_refused_elsewhere_by_name(field: str, target: str) -> None:
    chat = request(**{field: "kept_1"})
    with pytest.raises(ClientError, match=field) as caught:
        protocol(target).encode_request(chat, max_output_tokens=None)
    assert caught.value.status == 400
    assert FORMAT.encode_request(chat, max_output_tokens=None).body[field] == "kept_1"


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "msg_1"}, {"type": "compaction", "id": "c"}])
def test_items_that_stand_for_kept_content_are_refused_elsewhere(item: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match=item["type"]):
        protocol(ANTHROPIC).encode_request(request(input=[item]), max_output_tokens=None)


def test_answers_in_the_background_are_refused() -> None:
    with pytest.raises(ClientError, match="background"):
        FORMAT.peek(document({"model": "m", "input": "x", "background": True}))


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"input": 7}, "input"),
        ({"input": [{"role": "robot", "content": "x"}]}, r"input\[0\].role"),
        ({"input": [{"type": "function_call", "name": "f"}]}, r"input\[0\].call_id"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"tools": [{"type": "function"}]}, r"tools\[0\].name"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
    ],
)
def test_mistakes_are_told_with_their_place(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(ClientError, match=where):
        request(**fields)


@pytest.mark.parametrize("summary", [1, "x", {"text": "x"}, [1]])
def test_reasoning_of_an_odd_shape_is_no_accident(summary: Any) -> None:
    request(input=[{"type": "reasoning", "id": "r", "summary": summary}, {"role": "user", "content": "x"}])


def test_calls_come_back_as_the_kind_of_tool_the_client_offered() -> None:
    chat = request(tools=[PATCH, AGENTS])
    events = [
        ReplyStarted("1", "m"),
        PartStarted(0, 0, "tool_call", "c1", "apply_patch"),
        ArgumentsDelta(0, 0, '{"input": "*** Be'),
        ArgumentsDelta(0, 0, 'gin\\n"}'),
        PartEnded(0, 0),
        PartStarted(0, 1, "tool_call", "c2", "agents__spawn"),
        PartEnded(0, 1),
        Finished(0, "tool_calls"),
        Ended(),
    ]
    told = written(RESPONSES, events, request=chat)
    output = told[-1]["response"]["output"]
    assert [(item["type"], item["name"], item.get("namespace")) for item in output] == [
        ("custom_tool_call", "apply_patch", None),
        ("function_call", "spawn", "agents"),
    ]
    assert output[0]["input"] == "*** Begin\n"
    assert output[1]["arguments"] == "{}"
    assert [event["delta"] for event in told if event["type"] == "response.custom_tool_call_input.delta"] == [
        "*** Begin\n"
    ]


def test_signed_thinking_comes_back_to_the_provider_that_signed_it_and_to_no_other() -> None:
    events = [
        ReplyStarted("1", "m"),
        PartStarted(0, 0, "thinking"),
        ThinkingDelta(0, 0, "Hm."),
        ThinkingDelta(0, 0, signature="sig"),
        PartEnded(0, 0),
        Finished(0, "stop"),
        Ended(),
    ]
    reasoning = written(RESPONSES, events, provider_format=ANTHROPIC)[-1]["response"]["output"][0]
    assert reasoning["encrypted_content"].startswith("tollhse1")
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    body = {"model": "m", "input": [{"role": "user", "content": "x"}, reasoning, call, result]}
    chat = FORMAT.decode_request(document({**body, "reasoning": {"effort": "low"}, "max_output_tokens": 9000}))
    assert chat.messages[1].parts[0] == Thinking("Hm.", "sig", origin=ANTHROPIC)
    crossed = protocol(ANTHROPIC).encode_request(chat, max_output_tokens=None).body
    assert crossed["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
    assert crossed["thinking"]["type"] == "enabled"
    assert protocol(OPENAI).encode_request(chat, max_output_tokens=None).dropped == ["thinking"]
    native = document(body)
    dropped: list[str] = []
    assert not FORMAT.passthrough_edits(native, dropped)
    assert native.get("input") == [body["input"][0], call, result]
    assert dropped == ["reasoning"]


@pytest.mark.parametrize("other", [OPENAI, ANTHROPIC, "gemini_generate", "bedrock_converse"])
def test_reasoning_another_provider_cannot_read_is_named(other: str) -> None:
    """As Codex brings it back: no text, only what OpenAI can open."""
    sealed: dict[str, Any] = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": None,
        "encrypted_content": "gAAA",
    }
    asked: list[Any] = [{"role": "user", "content": "x"}, sealed, {"role": "assistant", "content": "y"}]
    chat = FORMAT.decode_request(document({"model": "m", "input": [*asked, {"role": "user", "content": "z"}]}))
    assert set(protocol(other).encode_request(chat, max_output_tokens=None).dropped) <= {
        "thinking",
        "reasoning_content",
    }
    assert protocol(other).encode_request(chat, max_output_tokens=None).dropped


def test_anthropics_clients_bring_back_openais_reasoning() -> None:
    events = [PartStarted(0, 0, "thinking"), ThinkingDelta(0, 0, "Hm.", "gAAA"), PartEnded(0, 0)]
    signature = written(ANTHROPIC, events, provider_format=RESPONSES)[-2]["delta"]["signature"]
    said = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": signature}]}
    body = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "x"}, said]}
    chat = protocol(ANTHROPIC).decode_request(document(body))
    items = FORMAT.encode_request(chat, max_output_tokens=None).body["input"]
    assert items[1]["encrypted_content"] == "gAAA"
    native = document(body)
    protocol(ANTHROPIC).passthrough_edits(native, [])
    assert native.get("messages") == body["messages"][:1]


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"output": 1}', b'{"output":[],"status":"failed","error":{"message":"broke"}}']
)
def test_what_is_no_finished_response_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        FORMAT.decode_reply(body)


def test_a_reply_repeats_what_it_was_asked_with() -> None:
    chat = request(instructions="Be short.", temperature=0.5, tools=[PATCH], metadata={"a": "b"})
    reply = protocol(OPENAI).decode_reply(b'{"choices":[{"message":{"content":"hi"},"finish_reason":"length"}]}')
    told = json.loads(FORMAT.encode_reply(reply, ReplyContext("asked", request_id="r", request=chat)))
    assert (told["instructions"], told["temperature"], told["tools"], told["metadata"]) == (
        "Be short.",
        0.5,
        [PATCH],
        {"a": "b"},
    )
    assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert told["store"] is False
