"""By key."""

from __future__ import annotations

from tollhouse.dataplane.engine.strategies.consistent_hash import order
from tollhouse.dataplane.engine.strategies.standing import Standing

GROUP = [Standing(name) for name in "abcd"]


def test_a_key_keeps_its_target_when_others_leave() -> None:
    """Only the keys of the one that left move, and they move to their second choice."""
    for key in map(str, range(50)):
        before = [one.name for one in order(GROUP, key)]
        gone = before[0]
        after = [one.name for one in order([one for one in GROUP if one.name != gone], key)]
        assert after == before[1:]
    assert order(GROUP, "k")[0].why == "the key's own target"
