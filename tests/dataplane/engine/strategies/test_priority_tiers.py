"""As configured."""

from __future__ import annotations

from tollhouse.dataplane.engine.strategies.priority_tiers import order
from tollhouse.dataplane.engine.strategies.standing import Standing


def test_the_first_one_is_always_first() -> None:
    """Weight and load do not matter."""
    ranked = order([Standing("a", 1, in_flight=99), Standing("b", 100)])
    assert [(one.name, one.why) for one in ranked] == [("a", "number 1 as configured"), ("b", "number 2 as configured")]
