"""Service tiers and kinds of tokens, in the words of providers."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.protocols._special import by_kind, tier_of, with_tier


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ("default", ""),
        ("standard", ""),
        ("auto", ""),
        ("ON_DEMAND", ""),
        ("PROVISIONED_THROUGHPUT", ""),
        ("ON_DEMAND_PRIORITY", "priority"),
        ("ON_DEMAND_FLEX", "flex"),
        ("batch", "batch"),
        (None, ""),
        (7, ""),
        ("x" * 100, ""),
    ],
)
def test_tiers_have_one_name(told: Any, tier: str) -> None:
    """And the standard one none."""
    assert tier_of(told) == tier


def test_a_tier_is_added_to_what_is_known() -> None:
    """Nothing is made for the standard one."""
    assert with_tier(None, "flex") is None
    plain = with_tier(Usage(1), "default")
    assert plain is not None
    assert plain.special is None
    heard = with_tier(Usage(1, special=Special(audio_input=1)), "flex")
    assert heard is not None
    assert heard.special == Special("flex", 1)


def test_kinds_are_read_and_nothing_is_nothing() -> None:
    """Cached ones stand in details of their own."""
    read = {"audio_tokens": 9, "image_tokens": 4, "cached_tokens_details": {"audio_tokens": 2, "image_tokens": 1}}
    assert by_kind(read, {"audio_tokens": 3}) == Special("", 9, 3, 2, 4, 0, 1)
    assert by_kind({"audio_tokens": 0}, {"audio_tokens": "many"}) is None
