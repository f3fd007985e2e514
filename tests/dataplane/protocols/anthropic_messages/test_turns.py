"""Messages as Anthropic's turns."""

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


def test_results_are_merged_into_one_turn_and_stand_first() -> None:
    messages = [user("go"), called("a", "b"), result("a"), user("hurry"), result("b")]
    turns = crossed(OPENAI, messages=messages, tools=[TOOL]).body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "tool_result", "text"]


def test_images_in_results_stay_in_them() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAA"}}
    messages = [user("go"), called("a"), result("a", [{"type": "text", "text": "x"}, image])]
    block = crossed(OPENAI, messages=messages, tools=[TOOL]).body["messages"][2]["content"][0]
    assert block["content"][1]["source"] == {"type": "base64", "media_type": "image/jpeg", "data": "AAA"}


def test_calls_of_one_id_are_told_apart_and_keep_their_results() -> None:
    """Anthropic refuses an id twice in a conversation; some models give the same in every turn."""
    messages = [user("go"), called("x"), result("x", "1"), called("x", "x"), result("x", "2"), result("x", "3")]
    turns = crossed(OPENAI, messages=messages, tools=[TOOL]).body["messages"]
    ids = [block["id"] for turn in turns if turn["role"] == "assistant" for block in turn["content"]]
    assert ids == ["x", "x_2", "x_3"]
    answers = [block for turn in turns if isinstance(turn["content"], list) for block in turn["content"]]
    assert [(one["tool_use_id"], one["content"]) for one in answers if one["type"] == "tool_result"] == [
        *(("x", "1"), ("x_2", "2"), ("x_3", "3"))
    ]


def test_later_system_messages_keep_their_place_in_a_user_turn() -> None:
    messages = [user("a"), {"role": "assistant", "content": "b"}, {"role": "developer", "content": "c"}, user("d")]
    body = crossed(OPENAI, messages=messages).body
    assert "system" not in body
    assert [block["text"] for block in body["messages"][2]["content"]] == ["<system>\nc\n</system>", "d"]


def test_a_system_prompt_alone_becomes_the_turn_anthropic_needs() -> None:
    body = crossed(OPENAI, messages=[{"role": "system", "content": "a"}, {"role": "system", "content": "b"}]).body
    assert body["system"] == "a"
    assert body["messages"] == [{"role": "user", "content": "b"}]


def test_a_conversation_that_starts_with_the_assistant_gets_a_user_turn() -> None:
    body = crossed(OPENAI, messages=[{"role": "assistant", "content": "Hi "}]).body
    assert body["messages"] == [{"role": "user", "content": "Continue."}, {"role": "assistant", "content": "Hi"}]


def test_empty_texts_are_left_out_and_all_empty_is_refused() -> None:
    assert crossed(OPENAI, messages=[user(""), user("a")]).body["messages"] == [user("a")]
    with pytest.raises(ClientError):
        crossed(OPENAI, messages=[user(""), user("  ")])
