from __future__ import annotations

from typing import Any

import pytest
from tollhouse.controlplane.service.merge import merge, replace
from tollhouse.controlplane.service.refusal import Refusal


@pytest.mark.parametrize(
    ("old", "change", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}),
    ],
)
def test_merge(old: Any, change: Any, expected: Any) -> None:
    """A merge patch deletes by null, merges objects and replaces the rest, and leaves its arguments alone."""
    before = repr(old)
    assert merge(old, change) == expected
    assert repr(old) == before


def test_replace_makes_the_way() -> None:
    """A sub-path replaces what it names and makes missing objects on the way."""
    old = {"a": {"x": 1}}
    assert replace(old, "a/b/c", [1]) == {"a": {"x": 1, "b": {"c": [1]}}}
    assert old == {"a": {"x": 1}}


def test_replace_refuses_a_step_into_a_value() -> None:
    """A step into something that is no object is refused with APISIX's text."""
    with pytest.raises(Refusal, match=r"invalid sub-path: /a/b/c"):
        replace({"a": 1}, "a/b/c", 1)
