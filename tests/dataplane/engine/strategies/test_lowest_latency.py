"""By time."""

from __future__ import annotations

from tollhouse.dataplane.engine.strategies.lowest_latency import order
from tollhouse.dataplane.engine.strategies.standing import Expected, Standing

EAGER = Standing("eager", start_s=0.1, token_s=0.05)
STEADY = Standing("steady", start_s=1.0, token_s=0.01)


def test_what_counts_is_when_the_answer_is_through() -> None:
    """A quick start wins short answers, a quick flow long ones."""
    assert order([EAGER, STEADY], Expected(100, 10), 1.0)[0].name == "eager"
    assert order([EAGER, STEADY], Expected(100, 1000), 1.0)[0].name == "steady"


def test_the_unmeasured_come_first_and_the_busy_count_more() -> None:
    """Else nobody would ever measure them; and a crowd at the quickest spreads."""
    ranked = order([EAGER, Standing("new")], Expected(1, 10), 1.0)
    assert (ranked[0].name, ranked[0].why) == ("new", "not measured yet")
    crowded = Standing("crowded", in_flight=20, start_s=0.1, token_s=0.01)
    assert order([crowded, STEADY], Expected(1, 10), 1.0)[0].name == "steady"


def test_a_crowd_does_not_wait_for_one_that_is_not_measured() -> None:
    """One request finds out; the others are spread meanwhile, also where nobody was measured yet."""
    assert order([EAGER, Standing("new", in_flight=1)], Expected(1, 10), 1.0)[0].name == "eager"
    assert order([Standing("first", in_flight=1), Standing("second")], Expected(1, 10), 1.0)[0].name == "second"
    both = [Standing("first", in_flight=3), Standing("second", in_flight=1)]
    assert order(both, Expected(1, 10), 1.0)[0].name == "second"


def test_who_only_failed_so_far_is_no_discovery() -> None:
    """Quick refusals are no answers; it keeps the share of the slow ones."""
    bad = Standing("bad", failing=True)
    ranked = order([bad, EAGER, STEADY], Expected(1, 10), 1.0)
    assert [one.name for one in ranked] == ["eager", "steady", "bad"]
    assert ranked[2].why == "has only failed so far"
    assert {order([bad, EAGER], Expected(1, 10), luck / 1000)[0].name for luck in range(30)} == {"bad", "eager"}


def test_slow_ones_keep_a_share() -> None:
    """About one request in fifty goes to a slower one first."""
    luck = [number / 1000 for number in range(1000)]
    firsts = [order([EAGER, STEADY], Expected(1, 10), one)[0] for one in luck]
    assert sum(one.name == "steady" for one in firsts) == 20
    assert firsts[0].why.startswith("probed in its turn")
