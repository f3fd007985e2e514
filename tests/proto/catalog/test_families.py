"""The hand-kept facts of model families."""

from __future__ import annotations

import pytest
from tollhouse.proto.catalog.families import FAMILIES, UNKNOWN, family


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        ("claude-3-sonnet", "claude-3-*"),
        ("claude-3-5-haiku-latest", "claude-3-5-*"),
        ("GPT-4o-mini", "gpt-4o*"),
        ("anthropic/claude-opus-4-8", "claude-opus-*"),
        ("gpt-4", "gpt-4"),
        ("o3-mini", "o3-mini*"),
        ("o3", "o[134]*"),
        ("nobody", "*"),
    ],
)
def test_the_first_pattern_that_fits_counts(model: str, pattern: str) -> None:
    """Special ones stand before general ones; a vendor's prefix is looked through."""
    assert family(model).pattern == pattern


def test_no_family_has_and_lacks_the_same() -> None:
    """The table does not contradict itself, and a stranger is not known to lack anything."""
    assert all(not one.has & one.lacks for one in FAMILIES)
    assert UNKNOWN.lacks == frozenset()
