"""An average that follows a rise at once and forgets it slowly (Finagle's peak EWMA). Time is an argument."""

from __future__ import annotations

import math


class PeakEwma:
    """One measured quantity of one target. 0 while nothing was measured."""

    __slots__ = ("_at_s", "value")

    decay_s = 15.0

    def __init__(self) -> None:
        self.value = 0.0
        self._at_s = 0.0

    def observe(self, value: float, now: float) -> None:
        """Take in a measurement."""
        if not self.value or value >= self.value:
            self.value = value
        else:
            share = 1 - math.exp(-max(0.0, now - self._at_s) / self.decay_s)
            # Even in a burst each one counts a little, or the average would hang at the peak while traffic is dense.
            self.value += (value - self.value) * max(share, 0.05)
        self._at_s = now
