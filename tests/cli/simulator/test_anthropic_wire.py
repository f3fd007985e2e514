"""What Anthropic accepts."""

from typing import Any

import pytest
from tollhouse.cli.simulator.anthropic_wire import read_count, read_messages
from tollhouse.cli.simulator.ask import Refusal

USER = {"role": "user", "content": "hi"}
USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "x"}
TOOL = {"name": "f", "input_schema": {"type": "object"}}


def body(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "claude-x", "max_tokens": 10, "messages": list(messages), **more}


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"model": "claude-x", "messages": [USER]}, "max_tokens: Field required"),
        (body(), "at least one message"),
        (body({"role": "system", "content": "x"}), "messages.0.role"),
        (body({"role": "robot", "content": "x"}), "messages.0.role"),
        (body(user({"type": "text", "text": ""})), "text content blocks must be non-empty"),
        (body(user()), "non-empty content"),
        (body(USER, said(USE)), "`tool_use` ids were found without `tool_result`"),
        (body(USER, said(USE), USER), "`tool_use` ids were found without `tool_result`"),
        (body(user(RESULT)), "unexpected `tool_use_id`"),
        (body(USER, said(USE), user({"type": "text", "text": "x"}, RESULT)), "must come first"),
        (body(USER, said({**USE, "id": "a.b"}), user({**RESULT, "tool_use_id": "a.b"})), "tool_use.id"),
        (body(USER, tools=[{**TOOL, "name": "a b"}]), "tools.0.custom.name"),
        (body(USER, tools=[{"name": "f"}]), "input_schema: Field required"),
        (body(USER, tools=[TOOL, TOOL]), "must be unique"),
        (body(USER, tool_choice={"type": "any"}), "while providing `tools`"),
        (body(USER, temperature=1.5), "temperature"),
        (body(USER, frequency_penalty=1), "frequency_penalty: Extra inputs are not permitted"),
        (body(USER, thinking={"type": "enabled", "budget_tokens": 2000}), "must be greater than"),
        (body(USER, {"role": "assistant", "content": "x "}), "trailing whitespace"),
        (body(user(*[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5)), "maximum of 4"),
    ],
)
def test_refusals_name_the_field(document: dict[str, Any], message: str) -> None:
    """What the provider refuses is refused with status 400 and its text."""
    with pytest.raises(Refusal) as caught:
        read_messages(document)
    assert caught.value.status == 400
    assert message in caught.value.message


def test_whole_tool_conversation_is_accepted() -> None:
    """Two uses, two results and a text after them; system messages with the beta that allows them."""
    second = {**USE, "id": "t2"}
    results = user({**RESULT, "tool_use_id": "t2"}, RESULT, {"type": "text", "text": "and now?"})
    read_messages(body(USER, said(USE, second), results, tools=[TOOL], tool_choice={"type": "auto"}))
    read_messages(body(USER, {"role": "system", "content": "x"}), "mid-conversation-system-2026-04-07")


def test_counting_needs_no_max_tokens() -> None:
    """``count_tokens`` takes the same without ``max_tokens`` and refuses it."""
    read_count({"model": "claude-x", "messages": [USER]})
    with pytest.raises(Refusal, match="max_tokens"):
        read_count(body(USER))
