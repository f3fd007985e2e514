"""Everybody who waits for a budget in one worker, and what operators have said: shared by all routes."""

from __future__ import annotations

import asyncio

from tollhouse.dataplane.dispatch.choosing.gate import Gate
from tollhouse.dataplane.dispatch.money.entry import Share
from tollhouse.dataplane.engine.budgets import NO_BUDGETS, BudgetIndex
from tollhouse.dataplane.engine.standing import NOTHING_SAID, Standing
from tollhouse.dataplane.services import Services


class Waiting:
    """Everybody who waits in this worker, and what operators have said."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.standing: Standing = NOTHING_SAID
        self.index: BudgetIndex = NO_BUDGETS
        """The budgets and stops of this moment: whoever has waited is judged by these, not by those it began under."""
        self.lines: dict[str, Gate] = {}
        """By key of a budget, requests that wait for room in it: the first in line asks, the others when it is gone."""
        self.held: dict[str, int] = {}
        """By key, requests that wait for an operator."""
        self._changed: asyncio.Event | None = None
        self._waits = services.metrics.gauge("tollhouse_budget_waiting", "Requests that wait.", ("budget", "mode"))
        self._ended = services.metrics.counter(
            "tollhouse_budget_waits_total", "Requests that waited, by how it ended.", ("budget", "mode", "result")
        )

    def stand_before(self, shares: list[Share]) -> bool:
        """Whether others wait for the same already; the first of those is marked."""
        for share in shares:
            line = self.lines.get(share.claim.key)
            if line is not None and len(line):
                share.refused = True
                return True
        return False

    def become(self, standing: Standing, index: BudgetIndex) -> None:
        """A decision has come, or what budgets there are has changed."""
        self.standing, self.index = standing, index
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def changed(self, wait_s: float) -> None:
        """Returns with the next decision, or after a while."""
        if self._changed is None:
            self._changed = asyncio.Event()
        event = self._changed
        try:
            async with asyncio.timeout(wait_s):
                await event.wait()
        except TimeoutError:
            return

    def count(self, budget: str, mode: str, by: int) -> None:
        """One more or less waits."""
        self._waits(budget, mode).add(by)

    def ended(self, budget: str, mode: str, result: str) -> None:
        """One waits no longer."""
        self._ended(budget, mode, result).add()


def waiting_of(services: Services) -> Waiting:
    """The worker's."""
    if services.waiting is None:
        services.waiting = Waiting(services)
    found: Waiting = services.waiting
    return found
