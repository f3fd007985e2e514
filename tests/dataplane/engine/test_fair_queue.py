"""Callers are served in turn."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.fair_queue import FairQueue


def drained(queue: FairQueue[int]) -> list[int]:
    """Everybody, in the order of serving."""
    out = []
    while (item := queue.pop()) is not None:
        out.append(item)
    return out


def test_one_greedy_caller_waits_behind_its_own() -> None:
    """A thousand of one, then one of another: the other is second."""
    queue: FairQueue[int] = FairQueue()
    for number in range(1000):
        queue.push("greedy", number, 2000)
    queue.push("modest", -1, 2000)
    assert drained(queue)[:3] == [0, -1, 1]


def test_in_a_full_queue_the_greedy_give_way() -> None:
    """Its newest leaves for a caller with fewer; among equals the door is closed."""
    queue: FairQueue[int] = FairQueue()
    for number in range(4):
        assert queue.push("greedy", number, 4) == (True, None)
    assert queue.push("greedy", 99, 4) == (False, None)
    assert queue.push("modest", 10, 4) == (True, 3)
    assert queue.push("modest", 11, 4) == (True, 2)
    assert queue.push("modest", 12, 4) == (False, None)
    assert len(queue) == 4
    assert drained(queue) == [0, 10, 1, 11]


def test_who_leaves_is_not_served() -> None:
    """And leaving twice is harmless."""
    queue: FairQueue[int] = FairQueue()
    queue.push("a", 1, 9)
    queue.push("a", 2, 9)
    queue.remove("a", 1)
    queue.remove("a", 1)
    queue.remove("b", 1)
    assert drained(queue) == [2]


@given(st.lists(st.sampled_from("abcd"), max_size=200), st.integers(1, 50))
def test_nobody_waits_for_more_than_one_of_each_other(callers: list[str], most: int) -> None:
    """Between two servings of one caller, every other waiting caller is served once at most; the bound holds."""
    queue: FairQueue[int] = FairQueue()
    who: dict[int, str] = {}
    inside: set[int] = set()
    for number, caller in enumerate(callers):
        who[number] = caller
        queued, left = queue.push(caller, number, most)
        if queued:
            inside.add(number)
        if left is not None:
            inside.discard(left)
        assert len(queue) == len(inside) <= most
    served = [who[number] for number in drained(queue)]
    assert len(served) == len(inside)
    for caller in set(served):
        turns = [place for place, name in enumerate(served) if name == caller]
        for before, after in pairwise(turns):
            between = served[before + 1 : after]
            assert len(between) == len(set(between))
