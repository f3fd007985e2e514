"""By what is left of the provider's quota."""

from __future__ import annotations

from tollhouse.dataplane.engine.strategies.quota_headroom import order
from tollhouse.dataplane.engine.strategies.standing import Standing


def test_most_headroom_first() -> None:
    """Who says nothing counts as having all; of equals the less loaded."""
    ranked = order([Standing("low", headroom=0.1), Standing("high", headroom=0.9), Standing("silent", in_flight=3)])
    assert [one.name for one in ranked] == ["silent", "high", "low"]
    assert ranked[1].why == "90% of its quota is left"
    assert [one.name for one in order([Standing("a", in_flight=2), Standing("b")])] == ["b", "a"]
