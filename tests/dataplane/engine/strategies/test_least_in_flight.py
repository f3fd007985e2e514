"""By load."""

from __future__ import annotations

from tollhouse.dataplane.engine.strategies.least_in_flight import order
from tollhouse.dataplane.engine.strategies.standing import Standing


def test_load_counts_per_weight() -> None:
    """Four in flight at weight ten is less than one at weight one."""
    ranked = order([Standing("a", 1, in_flight=1), Standing("b", 10, in_flight=4)])
    assert [one.name for one in ranked] == ["b", "a"]
    assert ranked[0].why == "4 in flight at weight 10"
