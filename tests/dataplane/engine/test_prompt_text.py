"""Finding the text of a prompt in either chat format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.prompt_text import (
    last_user_texts,
    new_texts,
    opening_texts,
    texts_of,
    turn_count,
    whole_texts,
)
from tollhouse.dataplane.errors import ClientError


def document(**body: Any) -> RequestDocument:
    return RequestDocument(json.dumps(body).encode())


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


CONVERSATION = [
    said("system", "s"),
    said("user", "one"),
    said("assistant", "two"),
    said("tool", "three"),
    said("user", "four"),
]


def test_new_is_what_came_after_the_last_answer() -> None:
    assert new_texts(document(messages=CONVERSATION)) == ["three", "four"]
    assert new_texts(document(messages=CONVERSATION[:3])) == ["one", "two"]
    assert new_texts(document(messages=CONVERSATION[:2])) == ["one"]
    assert new_texts(document(messages=CONVERSATION[:2]), all_roles=True) == ["s", "one"]
    assert new_texts(document(messages=[])) == []


def test_answers_a_client_appends_hide_nothing() -> None:
    appended = [*CONVERSATION, said("assistant", "five"), said("assistant", "six")]
    assert new_texts(document(messages=appended)) == ["three", "four", "five", "six"]


def test_the_whole_leaves_out_the_operators_and_the_models_words_unless_told() -> None:
    body = document(system="top", messages=CONVERSATION)
    assert whole_texts(body) == ["one", "three", "four"]
    assert whole_texts(body, all_roles=True) == ["top", "s", "one", "two", "three", "four"]


@pytest.mark.parametrize(
    "contents", [{"parts": {"text": "hi"}}, [{"parts": {"text": "hi"}}], {"parts": [{"text": "hi"}]}]
)
def test_google_takes_single_values_without_an_array_and_they_are_found(contents: Any) -> None:
    body = document(contents=contents)
    assert [find(body) for find in (new_texts, whole_texts, last_user_texts, opening_texts)] == [["hi"]] * 4


def test_the_users_last_words_are_found_behind_tool_results() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": "r"}
    body = document(messages=[said("user", "task"), said("assistant", "x"), said("user", [result])])
    assert last_user_texts(body) == ["task"]
    assert last_user_texts(document(messages=[said("assistant", "x")])) == []


def test_names_media_and_signatures_are_no_text() -> None:
    part = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAA"}, "id": "x"}
    assert texts_of([part, {"type": "thinking", "thinking": "t", "signature": "s"}]) == ["t"]


def test_nesting_without_end_is_cut_off() -> None:
    value: Any = "deep"
    for _ in range(200):
        value = [value]
    assert texts_of(value) == []


@pytest.mark.parametrize("messages", ["x", 7, {"a": 1}])
def test_messages_of_another_kind_are_refused(messages: Any) -> None:
    with pytest.raises(ClientError):
        new_texts(document(messages=messages))


def test_items_of_responses_and_googles_contents_are_judged_by_who_says_them() -> None:
    """What is new after the model's last answer; calls and thoughts are the model's, outputs are new."""
    items = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
        {"role": "user", "content": "old"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thought"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "found"},
    ]
    contents = [
        {"parts": [{"text": "old"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "found"}}}]},
    ]
    for body in ({"input": items}, {"contents": contents}):
        document = RequestDocument(json.dumps(body).encode())
        assert "found" in new_texts(document)
        assert "old" not in new_texts(document)
        assert last_user_texts(document) == ["old"]
        assert "old" in whole_texts(document)
        assert "rules" not in whole_texts(document)
    assert new_texts(RequestDocument(b'{"input":["a","b"]}')) == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "turns"),
    [
        ({"messages": [said("system", "rules"), said("user", "task")]}, 2),
        ({"system": [{"type": "text", "text": "rules"}], "messages": [said("user", "task")]}, 1),
        ({"instructions": "rules", "input": "task"}, 1),
        ({"instructions": "rules", "input": [{"type": "message", **said("user", "task")}]}, 1),
        ({"systemInstruction": {"parts": [{"text": "rules"}]}, "contents": [{"parts": [{"text": "task"}]}]}, 1),
        ({"system_instruction": {"parts": [{"text": "rules"}]}, "contents": [{"parts": [{"text": "task"}]}]}, 1),
    ],
)
def test_the_beginning_of_a_conversation_is_the_same_in_every_format(body: dict[str, Any], turns: int) -> None:
    assert opening_texts(document(**body)) == ["rules", "task"]
    assert turn_count(document(**body)) == turns


@pytest.mark.parametrize(
    ("name", "answer", "next_"),
    [
        ("messages", said("assistant", "a"), said("user", "b")),
        ("input", {"type": "message", **said("assistant", "a")}, {"type": "message", **said("user", "b")}),
        ("contents", {"role": "model", "parts": [{"text": "a"}]}, {"role": "user", "parts": [{"text": "b"}]}),
    ],
)
def test_later_turns_leave_the_beginning_alone(name: str, answer: Any, next_: Any) -> None:
    first = [{"role": "user", "parts": [{"text": "t"}]}] if name == "contents" else [said("user", "t")]
    later = document(**{name: [*first, answer, next_]})
    assert opening_texts(later) == opening_texts(document(**{name: first})) == ["t"]
    assert turn_count(later) == 3
    assert last_user_texts(later) == ["b"]


def test_a_bare_prompt_is_its_own_beginning() -> None:
    assert opening_texts(document(prompt="once upon")) == ["once upon"]
    assert turn_count(document(prompt="once upon")) == 1
