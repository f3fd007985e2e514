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
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-[025]*"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-*"),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-*"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-[025]*"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4-[025]*"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss*"),
        ("gpt-4.1-mini", "gpt-4.1*"),
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


@pytest.mark.parametrize(
    ("model", "goes_on"),
    [
        ("claude-3-haiku-20240307", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-1", True),
        ("anthropic/claude-opus-4", True),
        ("anthropic/claude-opus-4.5", True),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("claude-opus-4-6", False),
        ("anthropic/claude-sonnet-4.6", False),
        ("gpt-4o", False),
        ("nobody", False),
    ],
)
def test_who_goes_on_with_a_begun_answer(model: str, goes_on: bool) -> None:
    """Claude up to 4.5, whoever sells it."""
    assert ("prefill" in family(model).has) is goes_on
