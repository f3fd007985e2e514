"""Text to plain data with lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.proto.documents import dump_value, parse_documents
from tollhouse.proto.documents.marked import BadText, read_text, read_yaml, substitute

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        "1e3",
        "0o17",
        "0x1",
        "no",
        "on",
        "~",
        "null",
        "",
        "<<",
        ".5",
        "1_0",
        "- a",
        "a: b",
        "#",
        "&a",
        "!x",
        "a\n b\n",
        "\n",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def test_plain_words_follow_yaml_1_2() -> None:
    text = "a: [no, on, 22:22, 2024-01-01, 010, 0x1F, 0o17, 1e3, .5, -1, ~, true, '1', !!str 1, 1_000]"
    expected = ["no", "on", "22:22", "2024-01-01", 10, 31, 15, 1000.0, 0.5, -1, None, True, "1", "1", "1_000"]
    assert read_yaml(text)[0].plain() == {"a": expected}


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_any_value_survives_yaml_and_json(value: dict[str, Any]) -> None:
    assert read_text(dump_value({"a": value}))[0].plain() == {"a": value}
    marked = read_text(json.dumps({"a": value}, indent=1))[0]
    assert marked.plain() == {"a": value}
    assert marked.line == 1


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80) | st.text("[]{}:,-&*a \n\"'#!|>", max_size=60))
def test_no_text_makes_reading_fail_otherwise_than_by_a_problem(text: str) -> None:
    parse_documents(text)


def test_lines_are_those_of_keys_and_items_in_both_formats() -> None:
    yaml = read_text("a:\n  b:\n    - 1\n    - c: 2\n")[0]
    json_text = read_text('{"a":\n {"b": [\n1,\n{"c":\n2}]}}')[0]
    assert dict(yaml.lines()) == {"a": 1, "a.b": 2, "a.b.0": 3, "a.b.1": 4, "a.b.1.c": 4}
    assert dict(json_text.lines()) == {"a": 1, "a.b": 2, "a.b.0": 3, "a.b.1": 4, "a.b.1.c": 4}


def test_variables_with_and_without_default() -> None:
    assert substitute("${{A}}-${{ B := x }}-${{C:=}}", {"A": "1"}) == "1-x-"
    with pytest.raises(BadText, match="variable D is not set") as caught:
        substitute("\n${{D}}", {})
    assert (caught.value.line, caught.value.hint) == (2, "set it, or write ${{D:=default}}")
