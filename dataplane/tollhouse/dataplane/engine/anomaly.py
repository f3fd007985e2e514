"""Whether spending has become unusual: robust against the peaks a budget's spending always has. Pure.

The amounts of five-minute intervals are compared with those of the last day. An interval is unusual when it is

- more than the median plus eight times the median absolute deviation (scaled as a standard deviation is), and
- more than three times the median, and more than any interval that was learned, and
- more than a hundredth of the budget,

once two hours of intervals are known. Unusual intervals are not learned from for the first hour, so that a runaway does
not become the measure; what goes on longer is the new usual.
"""

from __future__ import annotations

from collections import deque
from statistics import median

INTERVAL_S = 300
KEPT = 288
ENOUGH = 24
DEVIATIONS = 8.0
TIMES = 3
SHARE = 100
LEARNED_AFTER = 12
SCALE = 1.4826


class Baseline:
    """Of one budget key."""

    __slots__ = ("_amounts", "_unusual")

    def __init__(self) -> None:
        self._amounts: deque[int] = deque(maxlen=KEPT)
        self._unusual = 0

    def judge(self, amount: int, limit: int) -> int | None:
        """The usual amount when this interval is unusual, else None; the interval is over and learned from."""
        usual = self._usual(amount, limit)
        if usual is None:
            self._unusual = 0
            self._amounts.append(amount)
            return None
        self._unusual += 1
        if self._unusual > LEARNED_AFTER:
            self._amounts.append(amount)
        return usual

    def _usual(self, amount: int, limit: int) -> int | None:
        if len(self._amounts) < ENOUGH or amount * SHARE <= limit:
            return None
        middle = median(self._amounts)
        deviation = SCALE * median(abs(one - middle) for one in self._amounts)
        if amount <= middle + DEVIATIONS * deviation or amount <= max(TIMES * middle, *self._amounts):
            return None
        return int(middle)
