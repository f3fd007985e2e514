"""Schemas of tools, made objects that take what the originals take."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.protocols._tool_schema import object_schema, with_items

A = {"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "number"}}, "required": ["kind", "x"]}
B = {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]}


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        (None, {"type": "object"}),
        ({}, {"type": "object"}),
        ({"type": ["object", "null"], "title": "T"}, {"type": "object", "title": "T"}),
        ({"properties": {"a": True}}, {"type": "object", "properties": {"a": True}}),
        (
            {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}}}},
            {
                "type": "object",
                "properties": {"n": {"$ref": "#/$defs/n"}},
                "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}}},
            },
        ),
    ],
)
def test_what_is_an_object_in_some_way_is_said_to_be_one(schema: Any, made: Any) -> None:
    assert object_schema(schema) == (made, [])


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
def test_alternatives_become_one_object_that_takes_either(word: str) -> None:
    made, left_out = object_schema({word: [A, {"$ref": "#/$defs/B"}], "$defs": {"B": B}})
    assert left_out == [word]
    assert made == {
        "type": "object",
        "properties": {"kind": {"anyOf": [{"const": "a"}, {"const": "b"}]}, "x": {"type": "number"}},
        "required": ["kind"],
        "$defs": {"B": B},
    }


def test_parts_of_one_object_keep_what_each_requires() -> None:
    made, left_out = object_schema({"allOf": [A, {"required": ["y"]}], "required": ["z"]})
    assert (made["required"], left_out) == (["z", "kind", "x", "y"], ["allOf"])


def test_references_that_lead_in_circles_or_nowhere_do_no_harm() -> None:
    assert object_schema({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}})[0]["type"] == "object"
    assert object_schema({"$ref": "#/nowhere"})[0]["type"] == "object"
    assert object_schema({"$ref": "https://e.x/s", "anyOf": "odd"})[0]["type"] == "object"


def test_arrays_of_anything_say_so() -> None:
    kept = {"enum": [{"type": "array"}]}
    schema = {"properties": {"a": {"type": "array"}, "b": {"type": ["array", "null"]}, "c": kept}}
    filled = with_items(schema)["properties"]
    assert (filled["a"]["items"], filled["b"]["items"]) == ({}, {})
    assert filled["c"] is kept
    assert with_items(A) is A
