"""Families of rules that one pass rules out."""

from __future__ import annotations

from tollhouse.dataplane.guarding.packs import Rule, compile_pack, read_pack
from tollhouse.dataplane.guarding.together import Together

PACK = """
id: own
version: "1"
about: Two rules that are looked for together, and one that is not.
together: [[pair]]
rules:
  - {id: a, group: pair, keywords: [key], pattern: 'key a\\d', match: [key a1]}
  - {id: b, group: pair, keywords: [key], case: true, pattern: 'key B\\d', match: [key B1]}
  - {id: c, group: other, keywords: [key], pattern: 'key c', match: [key c]}
"""


def _rules() -> list[Rule]:
    return compile_pack(read_pack(PACK)).rules


def _left(text: bytes, *spans: tuple[int, int, int]) -> list[int]:
    return [one[0] for one in Together(_rules()).sift(list(spans), text)]


def _all_of(text: bytes) -> list[int]:
    return _left(text, *((place, 0, len(text)) for place in range(3)))


def test_family_without_a_hit_is_left_out() -> None:
    """What no rule of a family can hit, none of them is run on; rules of no family are."""
    assert _all_of(b"the key is under the mat") == [2]


def test_family_with_one_hit_is_run_whole() -> None:
    """One hit wakes all, each with its own upper and lower case."""
    assert _all_of(b"take KEY A4 today") == [0, 1, 2]
    assert _all_of(b"take key B4 today") == [0, 1, 2]
    assert _all_of(b"take key b4 today") == [2]


def test_rules_looked_for_in_different_places_are_all_run() -> None:
    """Where the places hardly overlap one pass would spare nothing."""
    text = b"nothing " * 20
    assert _left(text, (0, 0, 40), (1, 80, 120)) == [0, 1]


def test_single_rule_is_run_by_itself() -> None:
    """One woken rule of a family costs no more than the family."""
    assert _left(b"nothing here", (0, 0, 12)) == [0]
