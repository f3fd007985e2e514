"""Charges what a provider keeps (a finished batch) to budgets once, however many workers and nodes read it.

It comes from the records of attempts, so the death of a worker loses none; the journal remembers what was charged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from tollhouse.dataplane.runtime.counts.budget_journal import BudgetJournal, Once
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll, TookAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Claim, Outcome

NOBODY = -2
"""Stands for the serial of a worker: these reservations live for a moment."""
ELSEWHERE = "/"
"""Has a meaning in names of reservations: see ``budget_authority``."""
KEPT_S = 40 * 86400
"""How long it is remembered what was charged: longer than providers keep it."""

Charge = tuple[tuple[Claim, ...], tuple[Outcome, ...]]


class ChargedOnce:
    """One per node."""

    def __init__(
        self,
        journal: BudgetJournal,
        take: Callable[[int, TakeAll], TookAll | Awaitable[TookAll]],
        settle: Callable[[SettleAll], None],
        first_in_fleet: Callable[[str], Awaitable[bool]] | None,
    ) -> None:
        self._journal = journal
        self._take = take
        self._settle = settle
        self._first_in_fleet = first_in_fleet
        """Where nodes count together: whether no other node has charged it."""
        self._waiting: dict[str, Charge] = {}
        """First read here; not counted yet."""
        self._ours: set[str] = set()
        """Of those: no other node charges them any more."""
        self._turn = asyncio.Lock()

    def charge(self, answer: str, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...]) -> bool:
        """Whether this is the first reading on this node; ``count`` counts it."""
        once = self._journal.once
        if answer in once or answer in self._waiting:
            return False
        self._waiting[answer] = (claims, outcomes)
        return True

    async def count(self) -> None:
        """Count what waits; what cannot be counted now waits on."""
        async with self._turn:
            for answer, (claims, outcomes) in list(self._waiting.items()):
                try:
                    if not await self._mine(answer):
                        continue
                except CounterUnavailable:
                    return
                name = f"once-{answer}".replace(ELSEWHERE, ":")
                answered = self._take(NOBODY, TakeAll(name, claims))
                took = answered if isinstance(answered, TookAll) else await answered
                if took.down:
                    return
                self._settle(SettleAll(name, outcomes))
                self._done(answer)

    async def _mine(self, answer: str) -> bool:
        if self._first_in_fleet is None or answer in self._ours:
            return True
        first = await self._first_in_fleet(f"once|{answer}")
        if first:
            self._ours.add(answer)
        else:
            self._done(answer)
        return first

    def _done(self, answer: str) -> None:
        self._waiting.pop(answer, None)
        self._ours.discard(answer)
        now = int(time.time())
        once = self._journal.once
        once[answer] = now
        self._journal.append(Once(answer, now))
        while once and (oldest := next(iter(once))) and once[oldest] < now - KEPT_S:
            del once[oldest]
