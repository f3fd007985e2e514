"""In turn, by weight."""

from __future__ import annotations

from collections import Counter

from tollhouse.dataplane.engine.balance import SmoothWeighted
from tollhouse.dataplane.engine.strategies.standing import Standing
from tollhouse.dataplane.engine.strategies.weighted import order, preview

GROUP = [Standing("a", 3), Standing("b", 1)]


def test_each_gets_its_share_and_says_it() -> None:
    """Three to one, and the reason names it."""
    turns = SmoothWeighted()
    firsts = [order(GROUP, turns)[0] for _ in range(8)]
    assert Counter(one.name for one in firsts) == {"a": 6, "b": 2}
    assert firsts[0].why == "weight 3 of 4"


def test_a_preview_takes_no_turn() -> None:
    """Explaining twice says the same twice."""
    assert [one.name for one in preview(GROUP)] == [one.name for one in preview(GROUP)] == ["a", "b"]
