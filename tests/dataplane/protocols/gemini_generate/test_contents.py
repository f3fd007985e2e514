"""Conversations as Google's contents."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import Image, Message, Part, Text, Thinking, ToolCall, ToolResult
from tollhouse.dataplane.protocols._names import ToolNames
from tollhouse.dataplane.protocols.gemini_generate.contents import ContentsWriter

PICTURE = Image(data="AAAA", media_type="image/png")


def contents(*messages: Message, signs: bool = False) -> tuple[list[dict[str, Any]], list[str]]:
    """What is written, and what was dropped."""
    dropped: list[str] = []
    _, written = ContentsWriter(ToolNames(64, 64, own=False), dropped, signs=signs).write(list(messages))
    return written, dropped


def test_pictures_say_which_result_they_are_of() -> None:
    """Two calls of one tool at once, their results in messages of their own, as chat completions have them."""
    calls = Message("assistant", [ToolCall("a", "look"), ToolCall("b", "look"), ToolCall("c", "list")])
    results = [
        Message("tool", [ToolResult("a", [Text("one"), PICTURE])]),
        Message("tool", [ToolResult("b", [PICTURE, PICTURE])]),
        Message("tool", [ToolResult("c", [Text("none")])]),
    ]
    written, _ = contents(Message("user", [Text("go")]), calls, *results, Message("user", [Text("and?")]))
    assert [one["role"] for one in written] == ["user", "model", "user", "user"]
    answers = [part["functionResponse"] for part in written[2]["parts"]]
    assert [one["id"] for one in answers] == ["a", "b", "c"]
    assert answers[0]["response"]["output"].startswith("one\n[1 image(s)")
    assert answers[1]["response"]["output"].endswith("result 2 (look)]")
    assert answers[2]["response"]["output"] == "none"
    shown = [part.get("text", "picture") for part in written[3]["parts"]]
    assert shown == ["Of result 1 (look):", "picture", "Of result 2 (look):", "picture", "picture", "and?"]


def test_nothing_stands_between_calls_and_their_results() -> None:
    """System messages among them come after the last one."""
    system = Message("system", [Text("hurry")])
    results = [Message("tool", [ToolResult(id, [Text(id)])]) for id in "ab"]
    calls = Message("assistant", [ToolCall("a", "f"), ToolCall("b", "f")])
    written, _ = contents(Message("user", [Text("go")]), calls, system, results[0], system, results[1])
    assert [len(one["parts"]) for one in written] == [1, 2, 2, 2]
    assert "hurry" in str(written[3])


def test_signatures_of_others_are_named() -> None:
    """Also where nothing but the signature was there."""
    thoughts: list[Part] = [Thinking("", "mine", origin="gemini_generate"), ToolCall("a", "f"), Thinking("", "theirs")]
    written, dropped = contents(Message("user", [Text("go")]), Message("assistant", thoughts), signs=True)
    assert written[1]["parts"] == [
        {"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "mine"},
    ]
    assert dropped == ["thinking"]
