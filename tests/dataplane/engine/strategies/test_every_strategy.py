"""What holds for all strategies, whatever they know: nobody is lost, nobody stands twice, everybody has a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.balance import SmoothWeighted
from tollhouse.dataplane.engine.strategies import (
    consistent_hash,
    least_in_flight,
    lowest_cost,
    lowest_latency,
    priority_tiers,
    quota_headroom,
    smart_tiers,
    weighted,
)
from tollhouse.dataplane.engine.strategies.smart_tiers import Decision, Tier
from tollhouse.dataplane.engine.strategies.standing import Expected, Ranked, Standing
from tollhouse.dataplane.engine.strategies.stickiness import Stickiness
from tollhouse.proto.catalog import PriceTable, Rates

SHARES = st.floats(0, 1)
SECONDS = st.floats(0, 100)
PRICES = st.none() | st.integers(0, 10**10).map(lambda rate: PriceTable(Rates.of(rate, rate * 5), (), "test"))
STANDINGS = st.lists(
    st.builds(
        Standing,
        name=st.sampled_from("abcdefgh"),
        weight=st.integers(1, 100),
        in_flight=st.integers(0, 50),
        start_s=SECONDS,
        token_s=SECONDS,
        failing=st.booleans(),
        headroom=st.none() | SHARES,
        price=PRICES,
        warm_tokens=st.integers(0, 10**6),
        write_share=SHARES,
        also=st.sampled_from("abcdefghxy"),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one.name,
)
TIERS = [
    Tier("first", frozenset("abx"), 0.3),
    Tier("second", frozenset("bcd"), 0.6),
    Tier("third", frozenset("aey"), 1.0),
]


def in_turn(members: Sequence[Standing], tier: int) -> list[Ranked]:
    return weighted.order(members, SmoothWeighted())


@given(STANDINGS, st.integers(1, 10**6), st.integers(1, 10**5), st.floats(0, 0.999), st.integers(0, 2), SHARES)
def test_an_order_is_a_permutation_with_reasons(
    standings: list[Standing], read: int, wrote: int, luck: float, tier: int, probe_share: float
) -> None:
    """Failing over walks down the list, so it must reach everybody once."""
    expected = Expected(read, wrote)
    orders: list[Callable[[], list[Ranked]]] = [
        lambda: consistent_hash.order(standings, str(read)),
        lambda: least_in_flight.order(standings),
        lambda: lowest_cost.order(standings, expected),
        lambda: lowest_latency.order(standings, expected, luck, probe_share),
        lambda: priority_tiers.order(standings),
        lambda: quota_headroom.order(standings),
        lambda: weighted.order(standings, SmoothWeighted()),
        lambda: weighted.preview(standings),
        lambda: smart_tiers.order(standings, TIERS, Decision(tier, "because"), in_turn),
    ]
    sticky = Stickiness(10.0)
    sticky.remember("s", standings[-1].name, 0.0)
    for order in orders:
        for ranked in (order(), sticky.order(order(), "s", 1.0)):
            assert sorted(one.name for one in ranked) == sorted(one.name for one in standings)
            assert all(one.why for one in ranked)


@given(STANDINGS, st.integers(0, 2))
def test_a_tier_goes_before_all_others_and_the_more_capable_before_the_cheaper(
    standings: list[Standing], tier: int
) -> None:
    """Nobody outside of the chosen tier is asked while one inside is left."""

    def places(one: Standing) -> list[int]:
        meant = [n for n, spec in enumerate(TIERS) if {one.name, one.also} & spec.targets]
        order = [*range(tier, 3), *range(tier - 1, -1, -1)]
        return sorted(order.index(n) for n in meant) or [3]

    ranked = smart_tiers.order(standings, TIERS, Decision(tier, "because"), in_turn)
    by_name = {one.name: one for one in standings}
    ranks = [places(by_name[one.name])[0] for one in ranked]
    assert ranks == sorted(ranks)
