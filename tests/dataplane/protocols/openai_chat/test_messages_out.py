"""Conversations as chat completions have them."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import (
    ChatRequest,
    Image,
    Message,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tollhouse.dataplane.protocols._names import ToolNames
from tollhouse.dataplane.protocols.openai_chat.messages_out import MessageWriter

PICTURE = Image(data="AAAA", media_type="image/png")


def written(*messages: Message) -> tuple[list[dict[str, Any]], list[str]]:
    """What is written for a client of another format, and what was dropped."""
    dropped: list[str] = []
    writer = MessageWriter(ChatRequest("m", list(messages)), ToolNames(64, 64, own=False), dropped)
    return writer.write(list(messages)), dropped


def test_pictures_of_results_come_from_the_user_after_the_last_of_them() -> None:
    """Nothing may stand between calls and results; each says which call it is of."""
    calls = Message("assistant", [ToolCall("a", "look"), ToolCall("b", "look")])
    results = Message("tool", [ToolResult("a", [PICTURE]), ToolResult("b", [Text("2"), PICTURE], is_error=True)])
    told, _ = written(Message("user", [Text("go")]), calls, results)
    assert [one["role"] for one in told] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert [one["content"][0]["text"] for one in told[4:]] == ["Result of tool call a:", "Result of tool call b:"]
    assert "failed" in str(told[3]["content"])


def test_what_the_system_says_among_calls_comes_behind_the_results() -> None:
    calls = Message("assistant", [ToolCall("a", "f")])
    told, _ = written(calls, Message("system", [Text("hurry")]), Message("tool", [ToolResult("a", [Text("1")])]))
    assert [one["role"] for one in told] == ["assistant", "tool", "system"]


def test_what_an_answer_cannot_hold_is_named() -> None:
    """Thoughts, whatever there is of them, pictures, and parts of other formats."""
    parts: list[Part] = [
        Thinking("", "signature"),
        Text("so"),
        PICTURE,
        Opaque("anthropic_messages", {"type": "server_tool_use"}),
        Refusal("no"),
    ]
    told, dropped = written(Message("user", [Text("x")]), Message("assistant", parts))
    assert told[1] == {"role": "assistant", "content": "so", "refusal": "no"}
    assert dropped == ["thinking", "messages.image", "messages.server_tool_use"]
