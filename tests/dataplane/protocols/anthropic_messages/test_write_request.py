"""OpenAI requests to Anthropic: the rules that are not in the fixtures."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError

from tests.support.protocols import OPENAI, crossed

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def called(*ids: str, text: str | None = None) -> dict[str, Any]:
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in ids]
    return {"role": "assistant", "content": text, "tool_calls": calls}


def result(id: str, content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


@pytest.mark.parametrize(
    ("fields", "limit", "expected"),
    [
        ({"max_tokens": 7}, 100, 7),
        ({"max_completion_tokens": 8}, 100, 8),
        ({}, 100, 100),
        ({}, None, 4096),
        ({"max_tokens": 700}, 100, 100),
    ],
)
def test_a_maximum_is_always_named(fields: dict[str, Any], limit: int | None, expected: int) -> None:
    assert crossed(OPENAI, limit=limit, **fields).body["max_tokens"] == expected


@pytest.mark.parametrize(("asked", "sent"), [(0, 0), (0.7, 0.7), (1, 1), (1.3, 1), (2, 1)])
def test_temperature_above_anthropics_range_becomes_its_top(asked: float, sent: float) -> None:
    encoded = crossed(OPENAI, temperature=asked)
    assert encoded.body["temperature"] == sent
    assert ("temperature" in encoded.dropped) == (asked > 1)


def test_more_than_one_answer_is_refused_by_name() -> None:
    with pytest.raises(ClientError) as caught:
        crossed(OPENAI, n=2)
    assert (caught.value.status, caught.value.param) == (400, "n")
    assert "one answer" in caught.value.message


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AAA", "format": "wav"}}, "audio"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "'file'"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,AAA"}}, "application/zip"),
    ],
)
def test_content_anthropic_cannot_take_is_refused_by_name(part: dict[str, Any], word: str) -> None:
    with pytest.raises(ClientError) as caught:
        crossed(OPENAI, messages=[user([part])])
    assert (caught.value.param or "").startswith("messages[0].content[0]")
    assert word in caught.value.message


def test_withdrawn_functions_are_refused_rather_than_lost() -> None:
    with pytest.raises(ClientError) as caught:
        crossed(OPENAI, functions=[{"name": "f"}])
    assert caught.value.param == "functions"


def test_a_history_with_calls_and_no_tools_gets_their_names_declared() -> None:
    body = crossed(OPENAI, messages=[user("go"), called("a"), result("a")]).body
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"tool_choice": "required", "parallel_tool_calls": False},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        ({"parallel_tool_calls": True}, None),
        ({"tool_choice": {"type": "function", "function": {"name": "unknown"}}}, None),
    ],
)
def test_tool_choice_and_parallel_calls_are_one_field(fields: dict[str, Any], choice: Any) -> None:
    assert crossed(OPENAI, tools=[TOOL], **fields).body.get("tool_choice") == choice


@pytest.mark.parametrize(
    ("fields", "budget"),
    [
        ({"reasoning_effort": "low", "max_tokens": 10000}, 2048),
        ({"reasoning_effort": "medium", "max_tokens": 10000}, 7500),
        ({"reasoning_effort": "high", "max_tokens": 64000}, 16384),
        ({"reasoning_effort": "high", "max_tokens": 1000}, None),
        ({"reasoning_effort": "none", "max_tokens": 10000}, None),
    ],
)
def test_effort_becomes_a_thinking_budget_that_leaves_room_for_the_answer(
    fields: dict[str, Any], budget: int | None
) -> None:
    body = crossed(OPENAI, temperature=0.5, **fields).body
    assert body.get("thinking") == (budget and {"type": "enabled", "budget_tokens": budget})
    assert ("temperature" in body) == (budget is None)  # refused together with thinking


def test_thinking_is_off_where_anthropic_would_want_signatures_or_a_forced_tool() -> None:
    fields: dict[str, Any] = {"reasoning_effort": "high", "max_tokens": 64000, "tools": [TOOL]}
    loop = crossed(OPENAI, messages=[user("go"), called("a"), result("a")], **fields)
    forced = crossed(OPENAI, tool_choice="required", **fields)
    for encoded in (loop, forced):
        assert "thinking" not in encoded.body
        assert "reasoning_effort" in encoded.dropped


def test_long_users_are_hashed_and_odd_stops_named() -> None:
    encoded = crossed(OPENAI, user="u" * 300, stop=["\n", "END"])
    assert len(encoded.body["metadata"]["user_id"]) <= 256
    assert encoded.body["stop_sequences"] == ["END"]
    assert encoded.dropped == ["stop"]
