"""What is late, by a target's own record."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.patience import (
    BELIEVED,
    ENOUGH,
    FLOOR_S,
    FORGOTTEN_S,
    KEPT,
    Kind,
    Pace,
    kind_of,
    late_s,
    probe_late_s,
)


def recorded(*seconds: float, now: float = 0.0) -> Pace:
    """A record."""
    pace = Pace()
    for one in seconds:
        pace.observe(one, now)
    return pace


def test_a_short_record_says_nothing() -> None:
    """One answer too few: nobody is called late."""
    assert recorded(*[3.0] * (ENOUGH - 1)).ordinary_s(0) == 0
    assert recorded(*[3.0] * ENOUGH).ordinary_s(0) == 3.0


def test_outliers_do_not_make_patient() -> None:
    """Four out of a hundred hung for a minute: the ordinary time is that of the others."""
    seconds = [1.0] * 96 + [60.0] * 4
    random.Random(1).shuffle(seconds)
    assert recorded(*seconds).ordinary_s(0) == 1.0


def test_who_becomes_slower_for_good_is_given_time() -> None:
    """Its answers are what it is measured by; the old ones are forgotten one by one."""
    pace = recorded(*[1.0] * KEPT, *[9.0] * KEPT)
    assert pace.ordinary_s(0) == 9.0


def test_trouble_does_not_make_patient() -> None:
    """An hour of answers twelve times as late leaves the record as it was, until they become the rule."""
    pace = recorded(*[1.0] * KEPT, *[12.0] * (BELIEVED - 1))
    assert pace.ordinary_s(0) == 1.0
    pace.observe(1.0, 0)
    pace.observe(12.0, 0)
    assert pace.ordinary_s(0) == 1.0


def test_a_probe_is_nobodys_wait() -> None:
    """Its rival is through when the target would be; a much slower target gets the difference, so it can come back."""
    assert probe_late_s(3.0, 3.5) == FLOOR_S
    assert probe_late_s(30.0, 4.0) == 26.0
    assert probe_late_s(3.0, 0.0) == 3.0


def test_an_old_record_says_nothing() -> None:
    """After an hour without an answer it begins anew."""
    pace = recorded(*[1.0] * KEPT)
    assert pace.ordinary_s(FORGOTTEN_S) == 1.0
    assert pace.ordinary_s(FORGOTTEN_S + 1) == 0
    pace.observe(5.0, FORGOTTEN_S + 2)
    assert pace.ordinary_s(FORGOTTEN_S + 2) == 0


def test_late_is_a_multiple_of_the_ordinary() -> None:
    """Later for a target that answers others meanwhile, never below the floor."""
    assert late_s(3.0, alive=False) == 6.0
    assert late_s(4.0, alive=False, stream=True) == 5.0
    assert late_s(3.0, alive=True) == 15.0
    assert late_s(3.0, alive=False, doubted=True) == 3.0
    assert late_s(3.0, alive=True, doubted=True) == 15.0
    assert late_s(0.01, alive=False) == FLOOR_S


def test_kinds_are_told_apart_by_what_takes_time() -> None:
    """Whole or streamed, thinking or not, long or short."""
    assert kind_of(b'{"messages":[]}', True) == Kind(True, False, 0)
    assert kind_of(b'{"thinking":{"type":"enabled"}}', False) == Kind(False, True, 0)
    assert kind_of(b'{"reasoning_effort":"high"}', False) == Kind(False, True, 0)
    assert kind_of(b"x" * 300_000, True) == Kind(True, False, 2)


@given(st.lists(st.floats(min_value=0, max_value=600), min_size=ENOUGH, max_size=3 * KEPT))
def test_the_ordinary_time_is_one_that_was_measured(seconds: list[float]) -> None:
    """Never above the slowest of those remembered, so a healthy target is never waited for longer than it deserves."""
    ordinary = recorded(*seconds).ordinary_s(0)
    assert ordinary == 0 or ordinary in seconds
