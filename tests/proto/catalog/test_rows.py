"""Rows of price tables that could not be looked up, or would be charged wrongly, are refused when they are written: a
published table is read by every node."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.proto.catalog.reader import parse_table
from tollhouse.proto.catalog.rows import matches

NAMED = ["=", "a"]
PRICED = [["", [1, 2]]]
FREE = "says nothing"


@pytest.mark.parametrize(
    ("match", "prices", "told"),
    [
        (["~", "("], PRICED, "no rule"),
        ([], PRICED, "no rule"),
        (["?", "a"], PRICED, "no rule"),
        (["="], PRICED, "no rule"),
        (["|", ["=", 5]], PRICED, "no rule"),
        (NAMED, [["", []]], FREE),
        (NAMED, [["", [None, None]]], FREE),
        (NAMED, [["", [1, 2], [[100, []]]]], FREE),
        (NAMED, [["", [1, 2], [], 0, {"batch": [[], []]}]], FREE),
        (NAMED, [["", [1] * 13]], "12 rates"),
        (NAMED, [["", [1, 2], [[500, [9, 9]], [100, [3, 3]]]]], "tiers"),
        (NAMED, [["", [1, 2], [[0, [9, 9]]]]], "tiers"),
        (NAMED, [["", [1, 2], [], -5]], "below 0"),
        (NAMED, [["", [], [], 0, {}, [-1, 5]]], "below 0"),
        (NAMED, [["soon", [1, 2]]], "'soon'"),
        (NAMED, [["2026-06-01", [1, 2]], ["", [1, 2]]], "order of the days"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(match: list[Any], prices: list[Any], told: str) -> None:
    with pytest.raises(ValueError, match=f"'a': .*{told}"):
        parse_table({"source": "x", "version": "1", "vendors": {"openai": [["a", match, 0, prices]]}})


@pytest.mark.parametrize(
    "prices",
    [
        [],
        [["", [0, 0]]],
        [["", [1]]],
        [["", [], [], 0, {}, [5, 0]]],
        [["", [1, 2], [], 0, {"of tomorrow": [[1, 2], []]}]],
        [["", [1, 2]], ["2026-06-01", [2, 3], [[100, [4, 5]], [500, [6, 7]]], 10, {"batch": [[1, 1], []]}]],
    ],
)
def test_what_makes_sense_is_taken(prices: list[Any]) -> None:
    """Free has to be said; what nobody knows has no prices at all."""
    parse_table({"source": "x", "version": "1", "vendors": {"openai": [["a", NAMED, 0, prices]]}})


def test_rules_of_names() -> None:
    rule = ["|", ["&", ["^", "GPT-"], ["~", r"\d$"]], ["$", "-mini"], ["*", "turbo"]]
    assert [matches(rule, name) for name in ("gpt-5", "gpt-x", "a-mini", "a-turbo-b")] == [True, False, True, True]
