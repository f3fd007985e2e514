"""Anthropic requests to OpenAI-shaped providers: the rules that are not in the fixtures."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.errors import ClientError

from tests.support.protocols import ANTHROPIC, OPENAI, crossed, decoded, document, protocol


def call(id: str) -> dict:
    return {"type": "tool_use", "id": id, "name": "f", "input": {}}


def result(id: str, content: object = "ok") -> dict:
    return {"type": "tool_result", "tool_use_id": id, "content": content}


def test_nothing_stands_between_a_call_and_its_results() -> None:
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [call("a"), call("b")]},
        {"role": "system", "content": "be quick"},
        {"role": "user", "content": [{"type": "text", "text": "also"}, result("a")]},
        {"role": "user", "content": [result("b"), {"type": "text", "text": "then"}]},
    ]
    sent = crossed(ANTHROPIC, max_tokens=9, messages=messages).body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "system", "user", "user"]
    assert [message.get("tool_call_id") for message in sent[2:4]] == ["a", "b"]


def test_call_ids_too_long_for_openai_stay_the_same_on_both_ends() -> None:
    id = "toolu_" + "x" * 100
    messages = [{"role": "assistant", "content": [call(id)]}, {"role": "user", "content": [result(id)]}]
    sent = crossed(ANTHROPIC, max_tokens=9, messages=messages).body["messages"]
    assert sent[0]["tool_calls"][0]["id"] == sent[1]["tool_call_id"]
    assert len(sent[1]["tool_call_id"]) <= 64


def test_renamed_tools_have_their_names_back_in_the_reply() -> None:
    name = "n" * 100
    encoded = crossed(ANTHROPIC, max_tokens=9, tools=[{"name": name, "input_schema": {"type": "object"}}])
    (sent,) = encoded.renamed_tools
    assert encoded.body["tools"][0]["function"]["name"] == sent
    assert len(sent) == 64
    assert encoded.renamed_tools[sent] == name


def test_no_tools_means_no_tool_settings() -> None:
    body = crossed(ANTHROPIC, max_tokens=9, tools=[], tool_choice={"type": "none"}).body
    assert "tools" not in body
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, "low"),
        ({"type": "enabled", "budget_tokens": 8000}, "medium"),
        ({"type": "enabled", "budget_tokens": 31999}, "high"),
        ({"type": "adaptive"}, "medium"),
        ({"type": "disabled"}, None),
    ],
)
def test_thinking_becomes_effort(thinking: dict, effort: str | None) -> None:
    assert crossed(ANTHROPIC, max_tokens=40000, thinking=thinking).body.get("reasoning_effort") == effort


def test_more_stop_sequences_than_openai_takes_are_cut_and_named() -> None:
    encoded = crossed(ANTHROPIC, max_tokens=9, stop_sequences=list("abcdef"))
    assert encoded.body["stop"] == ["a", "b", "c", "d"]
    assert "stop_sequences" in encoded.dropped


def test_a_maximum_above_the_models_own_is_lowered_for_other_formats_only() -> None:
    encoded = crossed(ANTHROPIC, limit=16384, max_tokens=64000)
    assert encoded.body["max_tokens"] == 16384
    assert "max_tokens" in encoded.dropped
    own = protocol(OPENAI).encode_request(decoded(OPENAI, max_tokens=64000), max_output_tokens=16384)
    assert own.body["max_tokens"] == 64000


def test_what_only_anthropic_can_read_is_refused_by_name() -> None:
    block = {"type": "document", "source": {"type": "file", "file_id": "f1"}}
    with pytest.raises(ClientError) as caught:
        crossed(ANTHROPIC, max_tokens=9, messages=[{"role": "user", "content": [block]}])
    assert caught.value.param == "messages[0].content[0]"
    assert "document" in caught.value.message


def test_strict_is_said_only_of_schemas_openai_takes_as_strict() -> None:
    open_schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = crossed(
        ANTHROPIC, max_tokens=9, output_config={"format": {"type": "json_schema", "schema": open_schema}}
    ).body
    assert body["response_format"]["json_schema"]["strict"] is False
    assert body["response_format"]["json_schema"]["schema"] == open_schema


def test_streams_are_asked_for_usage_when_they_pass_untouched() -> None:
    chat = protocol(OPENAI)
    body = document({"model": "m", "messages": [], "stream": True, "stream_options": {"include_obfuscation": False}})
    assert chat.passthrough_edits(body, []) is True
    assert body.get("stream_options") == {"include_obfuscation": False, "include_usage": True}
    asked = document({"stream": True, "stream_options": {"include_usage": True}})
    assert chat.passthrough_edits(asked, []) is False
    plain = document({"model": "m"})
    assert chat.passthrough_edits(plain, []) is False
    assert plain.encode() == plain.raw
