"""Who is still ahead. How requests go along it is tested in test_failover."""

from __future__ import annotations

from tollhouse.dataplane.engine.paths import takers


def test_who_may_go_on_with_what_another_began() -> None:
    """Ordinary targets and those named for their absence, never those named for another reason; in a chain its rest."""
    chains = {"context_too_long": [2, 3], "availability": [4], "budget": [3]}
    assert takers(0, 5, 2, chains) == [1, 4]
    assert takers(2, 5, 2, chains) == [3]
    assert takers(4, 5, 2, chains) == []
    assert takers(0, 3, None, {}) == [1, 2]
