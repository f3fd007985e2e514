"""Reservations by rule: whatever happens in whatever order, no enforced limit is passed by what was reserved."""

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.reservations import Bucket, Reservations
from tollhouse.dataplane.engine.windows import LENGTHS, Window, span_at
from tollhouse.dataplane.spending import Claim, Outcome

LIMIT = 1000


def claim(units: int, key: str = "k", *, bucket: int = 100, enforced: bool = True, limit: int = LIMIT) -> Claim:
    return Claim(key, units, limit, bucket, bucket, bucket + 60, enforced)


def test_all_or_nothing() -> None:
    """One budget without room, and nothing is taken of the others; the first that did not fit is named."""
    counts = Reservations()
    assert counts.take("a", (claim(900, "x"), claim(10, "y"))).allowed
    refused = counts.take("b", (claim(10, "y"), claim(200, "x")))
    assert (refused.allowed, refused.refused) == (False, 1)
    assert counts.used(claim(0, "y")) == 10


def test_settling_twice_counts_once_and_unknown_ones_nothing() -> None:
    """The truth replaces what was held; the rest is free again."""
    counts = Reservations()
    counts.take("a", (claim(800),))
    assert counts.settle("a", (Outcome(300, 20),))
    assert not counts.settle("a", (Outcome(300, 20),))
    assert not counts.settle("never", (Outcome(1),))
    assert counts.used(claim(0)) == 300
    assert counts.take("b", (claim(700),)).allowed


def test_only_counted_claims_pass_the_limit() -> None:
    """Shadows and alerts count on."""
    counts = Reservations()
    assert counts.take("a", (claim(5000, enforced=False),)).used == (5000,)


def test_a_new_window_begins_with_nothing_and_old_ones_are_forgotten() -> None:
    """Buckets before the window do not count; expired ones go once nothing is held in them."""
    counts = Reservations()
    counts.take("a", (claim(1000),))
    later = Claim("k", 1000, LIMIT, 160, 160, 220)
    assert counts.take("b", (later,)).allowed
    counts.sweep(1000.0)
    assert counts.totals["k"].keys() == {100, 160}
    counts.settle("a", ())
    counts.settle("b", ())
    counts.sweep(1000.0)
    assert not counts.totals


def test_a_changed_limit_holds_at_once_and_resets_nothing() -> None:
    """Lowered below what was used: refused; raised: there is room again."""
    counts = Reservations()
    counts.take("a", (claim(600),))
    assert not counts.take("b", (claim(1, limit=500),)).allowed
    assert counts.take("c", (claim(1400, limit=2000),)).allowed


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(1, 400), st.integers(0, 100)), max_size=60)


@given(STEPS)
def test_the_limit_is_never_passed(steps: list[tuple[bool, int, int, int]]) -> None:
    """Any mix of takes and settlements at no more than was reserved."""
    counts = Reservations()
    open_: dict[str, int] = {}
    spent = 0
    for take, number, units, share in steps:
        name = str(number)
        if take and name not in open_:
            if counts.take(name, (claim(units),)).allowed:
                open_[name] = units
        elif not take and name in open_:
            used = open_.pop(name) * share // 100
            counts.settle(name, (Outcome(used),))
            spent += used
        assert counts.used(claim(0)) == spent + sum(open_.values()) <= LIMIT


MOVES = st.lists(
    st.tuples(st.integers(0, 1500), st.integers(1, 300), st.integers(0, 100), st.sampled_from(["x", "y"])), max_size=50
)


@given(MOVES, st.sampled_from(["minute", "hour"]))
def test_no_stretch_of_a_rolling_windows_length_holds_more_than_the_limit(
    moves: list[tuple[int, int, int, str]], window: Window
) -> None:
    """Time goes on between steps; two budgets are taken together, each with its own limit."""
    counts = Reservations()
    spent: dict[str, list[tuple[float, int]]] = {"x": [], "both": []}
    now = 1_795_000_000.0
    for number, (wait, units, share, key) in enumerate(moves):
        now += wait / (60 if window == "minute" else 1)
        span = span_at(window, now, ZoneInfo("UTC"), rolling=True)
        keys = ("both", "x") if key == "x" else ("both",)
        claims = tuple(Claim(name, units, LIMIT, span.bucket, span.since, span.expires) for name in keys)
        if counts.take(str(number), claims).allowed:
            used = units * share // 100
            counts.settle(str(number), tuple(Outcome(used) for _ in claims))
            for name in keys:
                spent[name].append((now, used))
        counts.sweep(now)
        for of_key in spent.values():
            assert sum(used for at, used in of_key if at > now - LENGTHS[window]) <= LIMIT


@given(
    st.integers(1_700_000_000, 1_900_000_000),
    st.sampled_from([("hour", "day"), ("day", "month"), ("hour", "month"), ("day", "week")]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Beirut"]),
)
def test_a_budget_whose_window_becomes_longer_keeps_its_count(
    now: int, windows: tuple[Window, Window], zone: str
) -> None:
    """Also over a clock change: what was counted in the shorter window is in the longer one."""
    counts = Reservations()
    short, long = (span_at(window, now, ZoneInfo(zone)) for window in windows)
    counts.take("a", (Claim("k", 400, LIMIT, short.bucket, short.since, short.expires),))
    counts.settle("a", (Outcome(400),))
    assert counts.used(Claim("k", 0, LIMIT, long.bucket, long.since, long.expires)) == 400


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=20))
def test_raising_to_what_was_counted_elsewhere_is_the_largest_in_any_order(told: list[tuple[int, int]]) -> None:
    """So it may be done as often as one likes; what is held stays."""
    counts = Reservations()
    counts.hold("a", (claim(70),))
    for spent, doubt in told:
        counts.raise_to("k", 100, Bucket(spent, 0, doubt))
        assert not counts.raise_to("k", 100, Bucket(spent, 0, doubt))
    bucket = counts.totals["k"][100]
    assert bucket.spent == max([0, *(spent for spent, _ in told)])
    assert bucket.doubt == max([0, *(doubt for _, doubt in told)])
    assert bucket.held == 70


@given(st.lists(st.tuples(st.integers(-2 * 86400, 2 * 86400), st.integers(1, 60)), max_size=60))
def test_a_clock_that_jumps_lets_no_window_pass_the_limit(steps: list[tuple[int, int]]) -> None:
    """Back and forth over midnight as often as it likes: what was counted under a later day counts on an earlier one
    too, and nothing that was counted is forgotten."""
    counts, zone, now, spent = Reservations(), ZoneInfo("Europe/Berlin"), 1_795_000_000, 0
    for number, (jump, units) in enumerate(steps):
        now += jump
        span = span_at("day", now, zone)
        claim = Claim("k", units, 100, span.bucket, span.since, span.expires)
        if counts.take(f"r{number}", (claim,)).allowed:
            counts.settle(f"r{number}", (Outcome(units),))
            spent += units
    assert all(bucket.spent <= 100 for buckets in counts.totals.values() for bucket in buckets.values())
    assert sum(bucket.spent for buckets in counts.totals.values() for bucket in buckets.values()) == spent
