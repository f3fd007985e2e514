"""Which rules a text wakes."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.guarding.keywords import Keywords
from tollhouse.dataplane.guarding.packs import compile_pack, read_pack

PACK = """
id: own
version: "1"
about: Own.
rules:
  - {id: always, group: g, pattern: x, match: [x]}
  - {id: any, group: g, keywords: [one, two], pattern: x, match: [x]}
  - {id: each, group: g, keywords: [[one, two], [three]], pattern: x, match: [x]}
  - {id: small-pattern, group: g, keywords: ['re:[0-9]{3}'], pattern: x, match: [x]}
  - {id: other-scripts, group: g, keywords: [non-ascii], pattern: x, match: [x]}
"""
RULES = compile_pack(read_pack(PACK)).rules


@pytest.mark.parametrize(
    ("text", "woken"),
    [
        ("", ["always"]),
        ("a two b", ["always", "any"]),
        ("three", ["always"]),
        ("three two", ["always", "any", "each"]),
        ("12 345", ["always", "small-pattern"]),
        ("\u00fc", ["always", "other-scripts"]),
    ],
)
def test_a_rule_wakes_by_one_of_each_of_its_lists(text: str, woken: list[str]) -> None:
    """In the order of the pack."""
    positions = Keywords(RULES).woken(text.encode(), ascii_only=text.isascii())
    assert [RULES[position].text.id for position in positions] == woken


def test_four_lists_are_refused() -> None:
    """The rule is named."""
    pack = read_pack(PACK.replace("[[one, two], [three]]", "[[a], [b], [c], [d]]"))
    with pytest.raises(ValueError, match="own/each has more than 3 lists"):
        Keywords(compile_pack(pack).rules)
