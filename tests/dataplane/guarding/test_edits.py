"""Pieces of a request replaced."""

from __future__ import annotations

import json

import pytest
from tollhouse.dataplane.guarding.edits import Edit, Unwritable, edit_item, merged, rewrite
from tollhouse.dataplane.guarding.segments import Item, Segment


def test_json_stays_json_and_keeps_its_other_bytes() -> None:
    """In a string, as a bare number, behind escapes."""
    text = '{ "a": "x \\" me@b.io",  "n": 4111111111111111, "f": 1.50 }'
    segment = Segment(text, (), "tool", "untrusted", "json")
    at, number = text.index("me@"), text.index("4111")
    made = rewrite(segment, [Edit(at, at + 7, "[[EMAIL_1_01]]"), Edit(number, number + 16, "[[CARD_1_02]]")])
    assert made == '{ "a": "x \\" [[EMAIL_1_01]]",  "n": "[[CARD_1_02]]", "f": 1.50 }'
    json.loads(made)


def test_a_span_over_the_ends_of_a_string_is_replaced_by_value() -> None:
    """Or not at all: never half."""
    text = '{"a":"one","b":"two"}'
    segment = Segment(text, (), "tool", "untrusted", "json")
    with pytest.raises(Unwritable):
        rewrite(segment, [Edit(7, 18, "x")])


def test_signed_parts_cannot_be_changed() -> None:
    """Reasoning."""
    with pytest.raises(Unwritable):
        rewrite(Segment("abc", (), "reasoning", "assistant", "text", False), [Edit(0, 1, "x")])


def test_overlapping_edits_become_one() -> None:
    """The longer one names it."""
    assert merged([Edit(5, 9, "b"), Edit(0, 6, "a"), Edit(20, 21, "c")]) == [Edit(0, 9, "a"), Edit(20, 21, "c")]


def test_an_item_gets_its_new_texts_where_the_old_ones_stood() -> None:
    """Strings and objects."""
    item = Item("messages", 0, b'{"role":"user","content":[{"type":"text","text":"old"},{"input":{"a":1}}]}')
    text = Segment("old", ("content", 0, "text"), "user", "user")
    value = Segment('{"a":1}', ("content", 1, "input"), "tool_call", "assistant", "object")
    made = json.loads(edit_item(item, [(text, "new"), (value, '{"a":2}')]))
    assert made["content"] == [{"type": "text", "text": "new"}, {"input": {"a": 2}}]
