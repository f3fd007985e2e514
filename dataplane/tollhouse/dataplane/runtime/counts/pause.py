"""Nobody waits in vain for a store that is known not to answer."""

from __future__ import annotations

from tollhouse.dataplane.services import CounterUnavailable

FAILURES_TO_OPEN = 3
LONGEST_PAUSE_S = 10.0


class NotAsked(CounterUnavailable):
    """The store was not even asked: it did nothing."""


class Pause:
    """A small breaker: after a few failures in a row nothing is tried for a while, so that nobody waits in vain."""

    def __init__(self) -> None:
        self.failures = 0
        self._until = 0.0
        self._pause_s = 0.5

    def closed(self, now: float) -> bool:
        """Whether to try. After a pause one caller tries; the others go on pausing until it has come back."""
        if self.failures < FAILURES_TO_OPEN:
            return True
        if now < self._until:
            return False
        self._until = now + self._pause_s
        return True

    def succeeded(self) -> None:
        """The store answered."""
        self.failures = 0
        self._pause_s = 0.5

    def failed(self, now: float) -> None:
        """It did not."""
        self.failures += 1
        if self.failures >= FAILURES_TO_OPEN:
            self._until = now + self._pause_s
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
