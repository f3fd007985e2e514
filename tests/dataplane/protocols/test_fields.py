"""Fields of a request, read one by one."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocols._fields import count, describe, get_flag, get_integer, get_number, get_text, words


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "null"), ({}, "an empty object"), ([1], "an array"), ("a", "'a'"), (7, "7"), (True, "True")],
)
def test_what_came_is_described(value: Any, shown: str) -> None:
    assert describe(value) == shown
    assert "5000 characters" in describe("x" * 5000)


def test_numbers_are_read_within_their_range() -> None:
    assert get_integer({"a": 12.0}, "a") == 12
    assert get_integer({}, "a") is None
    assert get_number({"a": 1}, "a", low=0, high=1) == 1
    for value in (True, "1", 1.5, 1 << 70):
        with pytest.raises(ClientError):
            get_integer({"a": value}, "a")
    with pytest.raises(ClientError, match=r"where\.a: expected a number of at most 1, got 2"):
        get_number({"a": 2}, "a", "where", high=1)


def test_absent_and_null_are_the_same_and_required_means_there() -> None:
    assert get_text({"a": None}, "a", "") == ""
    assert get_flag({"a": None}, "a") is None
    with pytest.raises(ClientError, match="a is missing"):
        get_text({}, "a", "", None)


@pytest.mark.parametrize(("value", "tokens"), [(3, 3), (3.9, 3), (-1, 0), ("3", 0), (None, 0), (True, 0), (1 << 70, 0)])
def test_a_providers_counts_are_never_trusted_to_be_numbers(value: Any, tokens: int) -> None:
    assert count(value) == tokens
    assert words(value) == (value if isinstance(value, str) else "")
