"""Which fields may leave, and how."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import ArgumentsDelta, PartEnded, PartStarted, TextDelta
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.verdicts import verdicts_of

from tests.support.prompts import configured, exchange

PERSON = {"name": "Kim", "ssn": "536-22-8145", "age": 41, "address": {"street": "A 1", "zip": "10115"}, "tags": ["x"]}


def conversation(result: Any) -> dict[str, Any]:
    """A call and its result, and words around them."""
    function = {"name": "find", "arguments": json.dumps({"ssn": "1", "q": "Kim"})}
    return {
        "model": "m",
        "messages": [
            {"role": "user", "content": "the ssn, please"},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": "1", "content": json.dumps(result)},
        ],
    }


def after(rules: list[dict[str, Any]], result: Any = PERSON) -> Any:
    """An exchange after the plugin."""
    ex = exchange(conversation(result))
    configured("ai-data-policy", rules=rules).request(ex)
    return ex


def test_fields_are_dropped_masked_and_hashed() -> None:
    """Where the rule says; numbers stay numbers, other messages keep their bytes."""
    ex = after(
        [
            {"fields": ["ssn"], "action": "drop", "where": ["results"]},
            {"fields": ["SSN"], "action": "hash", "where": ["arguments"]},
            {"fields": ["address.*"], "action": "mask"},
        ]
    )
    messages = json.loads(ex.body)["messages"]
    assert json.loads(messages[2]["content"]) == {
        "name": "Kim",
        "age": 41,
        "address": {"street": "[masked]", "zip": "[masked]"},
        "tags": ["x"],
    }
    assert json.loads(messages[1]["tool_calls"][0]["function"]["arguments"])["ssn"].startswith("sha256:")
    assert messages[0] == {"role": "user", "content": "the ssn, please"}
    assert "536-22" not in str(verdicts_of(ex))


def test_lists_are_gone_through_and_what_no_rule_names_is_untouched() -> None:
    """To the byte."""
    ex = after([{"fields": ["ssn"], "action": "drop"}], [PERSON, {"deep": [{"ssn": "x", "k": 1.0}]}])
    told = json.loads(json.loads(ex.body)["messages"][2]["content"])
    assert "ssn" not in told[0]
    assert told[1] == {"deep": [{"k": 1.0}]}
    ex = after([{"fields": ["password"], "action": "deny"}])
    assert ex.document.encode() == ex.document.raw


def test_a_field_can_be_refused_or_confined() -> None:
    """403 naming the field; or only some providers may be asked."""
    with pytest.raises(ClientError) as refused:
        after([{"fields": ["ssn"], "action": "deny", "where": ["results"]}])
    assert refused.value.param == "messages[2].content.ssn"
    ex = after([{"fields": ["ssn"], "action": "confine", "providers": ["local-*"]}])
    assert ex.state["allowed_providers"] == ["local-*"]
    assert ex.document.encode() == ex.document.raw


def test_answers_are_held_to_their_end() -> None:
    """Arguments of new calls and structured output; prose passes at once, untouched events as they came."""
    plugin = configured("ai-data-policy", rules=[{"fields": ["ssn"], "action": "mask", "where": ["answers"]}])
    ex = exchange(conversation(PERSON))
    plugin.request(ex)
    play = lambda *events: [shown for event in events for shown in plugin.event(ex, event)]  # noqa: E731
    begin, end = PartStarted(0, 0, "tool_call", "c", "f"), PartEnded(0, 0)
    assert play(begin, ArgumentsDelta(0, 0, '{"ssn":"1'), ArgumentsDelta(0, 0, '","b":2}'), end) == [
        begin,
        ArgumentsDelta(0, 0, '{"ssn":"[masked]","b":2}'),
        end,
    ]
    fine = [begin, ArgumentsDelta(0, 0, '{ "b" '), ArgumentsDelta(0, 0, ": 2}"), end]
    assert all(left is right for left, right in zip(play(*fine), fine, strict=True))
    text, over = PartStarted(0, 1, "text"), PartEnded(0, 1)
    assert play(text, TextDelta(0, 1, '{"ssn":'), TextDelta(0, 1, "1}"), over)[1].text == '{"ssn":"[masked]"}'
    assert play(text, TextDelta(0, 1, "Hi {")) == [text, TextDelta(0, 1, "Hi {")]


def test_shadow_and_mistakes() -> None:
    """Nothing changes; providers belong to confine."""
    ex = exchange(conversation(PERSON))
    configured("ai-data-policy", rules=[{"fields": ["*"], "action": "deny"}], shadow=True).request(ex)
    assert ex.document.encode() == ex.document.raw
    assert all(one.shadow for one in verdicts_of(ex))
    with pytest.raises(ValueError, match="confine"):
        configured("ai-data-policy", rules=[{"fields": ["a"], "action": "confine"}])
