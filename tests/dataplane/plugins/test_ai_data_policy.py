"""Which fields may leave, and how."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import ArgumentsDelta, PartEnded, PartStarted, TextDelta
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.permitted import is_allowed
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
    assert ex.state["allowed_providers"] == ("local-*",)
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


@pytest.mark.parametrize(
    ("field", "gone"),
    [
        ("$.customer.ssn", {"customer.ssn"}),
        ("$..ssn", {"customer.ssn", "people.ssn", "ssn"}),
        ("$.people[*].ssn", {"people.ssn"}),
        ("$['people'].*", {"people.ssn", "people.name"}),
        ("$..customer.*", {"customer.ssn"}),
        ("customer.ssn", {"customer.ssn"}),
        ("\uff33\uff33\uff2e", {"customer.ssn", "people.ssn", "ssn"}),
    ],
)
def test_fields_are_named_by_globs_and_json_paths(field: str, gone: set[str]) -> None:
    """Anchored at the top or at any depth; positions in lists do not count."""
    told = {"ssn": "1", "customer": {"ssn": "2"}, "people": [{"ssn": "3", "name": "4"}]}
    ex = after([{"fields": [field], "action": "drop", "where": ["results"]}], told)
    left = json.loads(json.loads(ex.body)["messages"][2]["content"])
    found = {"ssn": left, "customer.ssn": left.get("customer", {}), "people.ssn": left["people"][0]}
    found["people.name"] = left["people"][0]
    assert {path for path, holder in found.items() if path.rpartition(".")[2] not in holder} == gone


@pytest.mark.parametrize("field", ["$.a[0]", "$.a[?(@.b)]", "$", "$.a..", "$[1:2]"])
def test_other_json_paths_are_refused_by_name(field: str) -> None:
    """Accepted means done."""
    with pytest.raises(ValueError, match=r"rules\[0\]\.fields\[0\]"):
        configured("ai-data-policy", rules=[{"fields": [field], "action": "drop"}])


def test_two_confinements_leave_what_both_allow() -> None:
    """Patterns and names alike."""
    rules = [
        {"fields": ["ssn"], "action": "confine", "providers": ["local-*"], "where": ["results"]},
        {"fields": ["zip"], "action": "confine", "providers": ["*-gpu", "cloud"]},
    ]
    left = after(rules).state["allowed_providers"]
    names = ("local-gpu", "local-cpu", "cloud")
    assert [name for name in names if is_allowed(name, left)] == ["local-gpu"]


def test_a_field_named_twice_hides_nothing() -> None:
    """What goes out is what was judged."""
    conversation_ = conversation({})
    conversation_["messages"][2]["content"] = '{"a":{"ssn":"536-22-8145"},"a":{"b":1}}'
    ex = exchange(conversation_)
    configured("ai-data-policy", rules=[{"fields": ["ssn"], "action": "mask"}]).request(ex)
    assert "536-22" not in ex.body.decode()


def test_answers_in_fences_and_broken_ones() -> None:
    """Models wrap JSON; a call whose arguments nobody can read does not pass."""
    plugin = configured("ai-data-policy", rules=[{"fields": ["ssn"], "action": "drop", "where": ["answers"]}])
    ex = exchange(conversation(PERSON))
    plugin.request(ex)
    play = lambda *events: [shown for event in events for shown in plugin.event(ex, event)]  # noqa: E731
    begin, end = PartStarted(0, 0, "text"), PartEnded(0, 0)
    assert play(begin, TextDelta(0, 0, "```json\n"), TextDelta(0, 0, '{"ssn":1,"b":[]}\n```'), end)[1].text == (
        '```json\n{"b":[]}\n```'
    )
    with pytest.raises(ClientError):
        play(PartStarted(0, 1, "tool_call", "c", "f"), ArgumentsDelta(0, 1, '{"ssn":"1'), PartEnded(0, 1))
    deny = configured("ai-data-policy", rules=[{"fields": ["ssn"], "action": "deny", "where": ["answers"]}])
    deny.request(ex)
    with pytest.raises(ClientError):
        [deny.event(ex, event) for event in (begin, TextDelta(0, 0, '{"ssn":1}'), end)]


def test_shadow_and_mistakes() -> None:
    """Nothing changes; providers belong to confine."""
    ex = exchange(conversation(PERSON))
    configured("ai-data-policy", rules=[{"fields": ["*"], "action": "deny"}], shadow=True).request(ex)
    assert ex.document.encode() == ex.document.raw
    assert all(one.shadow for one in verdicts_of(ex))
    with pytest.raises(ValueError, match="confine"):
        configured("ai-data-policy", rules=[{"fields": ["a"], "action": "confine"}])
