"""Prices as they are written."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tollhouse.proto.resources.price import Price


def test_numbers_keep_their_shortest_text() -> None:
    """0.1 is a tenth, not what a float makes of it."""
    price = Price.model_validate({"input": 0.1, "output": "0.250", "tiers": [{"above": 5, "input": 1}]})
    assert (price.input, price.output, price.tiers[0].input) == ("0.1", "0.250", "1")
    assert not price.says_nothing
    assert Price(source="somebody").says_nothing


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"input": -1}, "0 or more"),
        ({"input": "three"}, "not a number"),
        ({"input": True}, "is a number of USD"),
        ({"output": "1e9"}, "per million tokens and at most"),
        ({"tiers": [{"above": 9, "input": 1}, {"above": 8, "input": 2}]}, "in the order"),
        ({"tiers": [{"above": 0, "input": 1}]}, "greater than or equal to 1"),
        ({"service_tiers": {"turbo": {"input": 1}}}, "'batch', 'flex', 'priority' or 'fast'"),
        ({"inputs": 1}, "inputs"),
    ],
)
def test_nonsense_is_refused_by_name(fields: dict[str, Any], told: str) -> None:
    """With what is allowed instead."""
    with pytest.raises(ValidationError, match=told):
        Price.model_validate(fields)
