"""Balancers: shares, stability, whole orders."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.engine.balance import ConsistentHash, SmoothWeighted, least_loaded, lowest_latency

NAMES = st.text("abcdefgh", min_size=1, max_size=4)
WEIGHTS = st.dictionaries(NAMES, st.integers(1, 9), min_size=1, max_size=6)


@given(WEIGHTS)
def test_each_member_gets_exactly_its_weight_in_every_round(weights: dict[str, int]) -> None:
    """Over one round each member comes first ``weight`` times, in every later round too."""
    balancer = SmoothWeighted()
    for _ in range(3):
        firsts = Counter(balancer.order(weights)[0] for _ in range(sum(weights.values())))
        assert firsts == Counter(weights)


def test_turns_are_smooth() -> None:
    """nginx's own example: weights 5, 1, 1 give a a b a c a a."""
    balancer = SmoothWeighted()
    assert "".join(balancer.order({"a": 5, "b": 1, "c": 1})[0] for _ in range(7)) == "aabacaa"


@given(WEIGHTS)
def test_an_order_names_everyone_once(weights: dict[str, int]) -> None:
    """Failing over walks down the list, so nobody may be missing or come twice."""
    assert sorted(SmoothWeighted().order(weights)) == sorted(weights)
    assert sorted(ConsistentHash(weights).order("k")) == sorted(weights)


def test_weight_nought_never_has_a_turn() -> None:
    """A drained member stays last."""
    balancer = SmoothWeighted()
    assert all(balancer.order({"a": 0, "b": 1})[0] == "b" for _ in range(5))


@settings(max_examples=40)
@given(WEIGHTS, NAMES)
def test_removing_a_member_moves_only_its_own_keys(weights: dict[str, int], gone: str) -> None:
    """A key whose member stays, stays with it; one that moves goes to its second in line."""
    rest = {name: weight for name, weight in weights.items() if name != gone}
    if not rest:
        return
    before, after = ConsistentHash(weights), ConsistentHash(rest)
    for number in range(200):
        order = [name for name in before.order(f"key-{number}") if name != gone]
        assert after.order(f"key-{number}") == order


def test_hashing_respects_weights() -> None:
    """Three quarters of the keys go to the member with three quarters of the weight."""
    ring = ConsistentHash({"big": 3, "small": 1})
    share = sum(ring.order(f"user-{number}")[0] == "big" for number in range(4000)) / 4000
    assert 0.71 < share < 0.79


def test_least_loaded_counts_per_weight() -> None:
    """Two requests on weight 4 are less than one on weight 1."""
    load = {"a": 1, "b": 2}
    assert least_loaded({"a": 1, "b": 4}, load.__getitem__) == ["b", "a"]


@given(st.floats(0, 0.9999), st.integers(1, 6))
def test_lowest_latency_takes_the_quicker_of_two(luck: float, count: int) -> None:
    """The slowest is never first while there is another, and everyone is in the order."""
    names = [f"n{number}" for number in range(count)]
    order = lowest_latency(dict.fromkeys(names, 1), lambda name: float(name[1:]), luck)
    assert sorted(order) == names
    assert count == 1 or order[0] != names[-1]
