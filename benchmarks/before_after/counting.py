"""The node's counts without a node: the same windows, in this process, on the simulated clock."""

from __future__ import annotations

from tollhouse.dataplane.engine.limits import FixedWindow, Request
from tollhouse.dataplane.services import Clock, Counters, Limit, Taken


class LocalCounters(Counters):
    """Fixed windows, all of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, FixedWindow] = {}

    async def take(self, limit: Limit, amount: int = 1, *, partial: bool = False) -> Taken:
        """As the port says."""
        window = self._windows.setdefault(limit.key, FixedWindow())
        told = window.take(self._clock.time(), limit.amount, limit.window_s, Request(amount, partial))
        return Taken(told.allowed, told.remaining, told.reset_s, told.identity)

    def settle(self, limit: Limit, difference: int, taken: Taken | None = None) -> None:
        """As the port says."""
        window = self._windows.setdefault(limit.key, FixedWindow())
        window.settle(self._clock.time(), limit.window_s, difference, taken.window if taken is not None else 0)

    async def look(self, limit: Limit) -> Taken:
        """As the port says."""
        window = self._windows.setdefault(limit.key, FixedWindow())
        told = window.look(self._clock.time(), limit.amount, limit.window_s)
        return Taken(told.allowed, told.remaining, told.reset_s, told.identity)
