"""Sessions stay where they were."""

from __future__ import annotations

from tollhouse.dataplane.engine.strategies import stickiness
from tollhouse.dataplane.engine.strategies.standing import Ranked
from tollhouse.dataplane.engine.strategies.stickiness import Stickiness

GROUP = [Ranked("a", "weight 1 of 2"), Ranked("b", "weight 1 of 2")]


def test_a_session_stays_for_its_time() -> None:
    """And only if its target is among those that are fit."""
    memory = Stickiness(300)
    memory.remember("s", "b", 0)
    ranked = memory.order(GROUP, "s", 300)
    assert [one.name for one in ranked] == ["b", "a"]
    assert ranked[0].why == "the session was here a moment ago; weight 1 of 2"
    assert [one.name for one in memory.order(GROUP, "s", 301)] == ["a", "b"]
    assert [one.name for one in memory.order(GROUP[:1], "s", 1)] == ["a"]
    assert [one.name for one in memory.order(GROUP, "other", 1)] == ["a", "b"]


def test_memory_is_bounded() -> None:
    """The longest silent is forgotten."""
    memory = Stickiness(300)
    for number in range(stickiness.MAX_SESSIONS + 1):
        memory.remember(str(number), "a", 0)
    assert memory.last("0", 0) == ""
    assert memory.last("1", 0) == "a"
