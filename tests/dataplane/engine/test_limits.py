"""Windows and slices: by table, and by property over any sequence of steps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.engine.limits import (
    BUCKETS,
    SMALLEST_SLICE,
    FixedWindow,
    Request,
    Slice,
    SlidingWindow,
    slice_size,
)


def test_a_fixed_window_starts_with_its_first_unit_and_ends_after_its_length():
    window = FixedWindow()
    assert window.take(100.0, 2, 60, Request()).allowed
    second = window.take(130.0, 2, 60, Request())
    assert (second.allowed, second.remaining, second.reset_s) == (True, 0, 30.0)
    assert not window.take(159.9, 2, 60, Request()).allowed
    fresh = window.take(160.0, 2, 60, Request())
    assert (fresh.allowed, fresh.remaining, fresh.reset_s) == (True, 1, 60.0)


def test_changing_the_amount_does_not_reset_the_count():
    window = FixedWindow()
    for _ in range(3):
        window.take(1.0, 10, 60, Request())
    assert not window.take(2.0, 3, 60, Request()).allowed
    assert window.take(2.0, 4, 60, Request()).allowed


def test_partial_admits_while_one_unit_is_left_and_goes_below_zero():
    window = FixedWindow()
    assert window.take(1.0, 10, 60, Request(9)).allowed
    assert window.take(1.0, 10, 60, Request(500, partial=True)).allowed
    assert not window.take(1.0, 10, 60, Request(1, partial=True)).allowed
    window.settle(1.0, 60, -495)
    assert window.look(1.0, 20, 60).remaining == 6


def test_units_of_an_ended_window_are_not_given_to_the_next():
    window = FixedWindow()
    old = window.take(1.0, 10, 10, Request(10))
    window.take(12.0, 10, 10, Request(10))
    window.settle(12.0, 10, -10, old.identity)
    assert not window.take(12.0, 10, 10, Request(1)).allowed


@pytest.mark.parametrize("kind", [FixedWindow, SlidingWindow])
def test_all_or_nothing(kind):
    window = kind()
    assert window.take(5.0, 10, 60, Request(8)).allowed
    refused = window.take(5.0, 10, 60, Request(3))
    assert (refused.allowed, refused.remaining) == (False, 2)
    assert window.take(5.0, 10, 60, Request(2)).allowed


def test_a_sliding_window_lets_room_return_little_by_little():
    window = SlidingWindow()
    for second in range(10):
        assert window.take(100.0 + second, 10, 32, Request()).allowed
    assert not window.take(110.0, 10, 32, Request()).allowed
    assert window.take(100.0 + 32 + 1, 10, 32, Request()).allowed
    assert not window.take(100.0 + 32 + 1, 10, 32, Request()).allowed


@pytest.mark.parametrize(("remaining", "size"), [(0, 0), (100, 0), (64 * SMALLEST_SLICE, SMALLEST_SLICE), (6400, 100)])
def test_small_limits_are_never_sliced(remaining, size):
    assert slice_size(remaining) == size


steps = st.lists(
    st.tuples(
        st.floats(0.0, 5.0),
        st.integers(0, 4),
        st.sampled_from(["take", "slice", "give back", "settle late"]),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps=steps, limit=st.integers(0, 12))
def test_no_stretch_of_a_sliding_window_admits_more_than_the_limit(steps, limit):
    window, now, length = SlidingWindow(), 1000.0, 8.0
    admitted: list[list[float]] = []  # time, units, identity
    for pause, amount, step in steps:
        now += pause
        if step in ("take", "slice"):
            decision = window.take(now, limit, length, Request(amount, want_slice=step == "slice"))
            if decision.allowed and amount:
                admitted.append([now, amount, decision.identity])
        elif admitted and step == "give back":
            entry = admitted[amount % len(admitted)]
            window.settle(now, length, -int(entry[1]), int(entry[2]))
            entry[1] = 0
        for begin, _, _ in admitted:
            total = sum(units for at, units, _ in admitted if begin <= at < begin + length)
            assert total <= limit


@settings(max_examples=200, deadline=None)
@given(steps=steps, limit=st.integers(0, 2000))
def test_a_fixed_window_and_the_slices_lent_from_it_never_admit_more_than_the_limit(steps, limit):
    window, now, length = FixedWindow(), 1000.0, 8.0
    parts = [Slice(), Slice()]
    used: dict[int, int] = {}
    for turn, (pause, amount, step) in enumerate(steps):
        now += pause
        part = parts[turn % 2]
        units = amount * 10
        if step == "give back":
            back, identity = part.give_up()
            window.settle(now, length, -back, identity)
        elif part.take(now, units):
            used[part.identity] = used.get(part.identity, 0) + units
        else:
            back, identity = part.give_up()
            decision = window.take(now, limit, length, Request(units, False, back, identity, want_slice=True))
            part.accept(now, decision)
            if decision.allowed and units:
                used[decision.identity] = used.get(decision.identity, 0) + units
        assert all(total <= limit for total in used.values())
        assert window.used >= used.get(window.identity, 0) if window.identity in used else True


def test_a_slice_ends_with_its_window_and_a_sliding_one_with_its_bucket():
    window = FixedWindow()
    part = Slice()
    decision = window.take(100.0, 10_000, 60, Request(want_slice=True))
    part.accept(100.0, decision)
    assert part.unused == slice_size(9_999)
    assert part.take(159.0, 1)
    assert not part.take(160.0, 1)
    bucket_s = 64 / BUCKETS
    lent = SlidingWindow().take(100.5, 10_000, 64, Request(want_slice=True))
    assert lent.expires_s == pytest.approx(bucket_s - 0.5)


def test_reconfiguring_a_sliding_window_keeps_what_was_used():
    window = SlidingWindow()
    window.take(100.0, 10, 60, Request(7))
    assert window.take(100.0, 10, 30, Request(4)).allowed is False
    assert window.take(100.0, 10, 30, Request(3)).allowed


def test_a_slice_takes_corrections_of_its_own_window_in_and_never_more_than_twice_what_was_lent():
    part = Slice()
    part.accept(100.0, FixedWindow().take(100.0, 10_000, 60, Request(want_slice=True)))
    lent = part.unused
    assert part.settle(101.0, -5, part.identity)
    assert part.settle(101.0, 7, part.identity)
    assert part.unused == lent - 2
    assert not part.settle(101.0, 1, part.identity + 1)
    assert not part.settle(101.0, -2 * lent, part.identity)
    assert not part.settle(101.0, lent, part.identity)
    assert not part.settle(160.0, -1, part.identity)
    part.asking = True
    assert not part.settle(101.0, -1, part.identity)
    assert part.unused == lent - 2
