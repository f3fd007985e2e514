"""Unusual spending: told when it begins, not for the peaks there always are, and learned when it stays."""

from __future__ import annotations

from tollhouse.dataplane.engine.anomaly import ENOUGH, KEPT, LEARNED_AFTER, Baseline

LIMIT = 10_000


def learned(*amounts: int) -> Baseline:
    one = Baseline()
    for number in range(KEPT):
        assert one.judge(amounts[number % len(amounts)], LIMIT) is None
    return one


def test_a_runaway_is_unusual_and_usual_peaks_are_not() -> None:
    """Compared with the middle of the last day, whatever its outliers."""
    assert learned(100, 110, 90).judge(1_000, LIMIT) == 100
    assert learned(100, 110, 90).judge(250, LIMIT) is None
    assert learned(50, 900, 100, 400).judge(950, LIMIT) is None
    assert learned(0).judge(500, LIMIT) == 0


def test_little_money_and_short_memory_are_no_reason() -> None:
    """Below a hundredth of the budget, and in the first two hours."""
    assert learned(1).judge(90, LIMIT) is None
    fresh = Baseline()
    assert [fresh.judge(1, LIMIT) for _ in range(ENOUGH - 1)] == [None] * (ENOUGH - 1)
    assert fresh.judge(5_000, LIMIT) is None


def test_what_stays_is_the_new_usual() -> None:
    """After an hour it is learned; a day later nobody is told any more."""
    one = learned(100)
    told = [one.judge(1_000, LIMIT) for _ in range(LEARNED_AFTER + KEPT)]
    assert told[LEARNED_AFTER] == 100
    assert told[-1] is None
