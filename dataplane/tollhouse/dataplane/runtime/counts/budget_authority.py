"""Who keeps the counts of budgets on a node: the supervisor's memory and journal, or a store all nodes share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from tollhouse.dataplane.engine.reservations import Bucket, Reservations
from tollhouse.dataplane.runtime.counts.budget_journal import BudgetJournal, Held, Settled, Total
from tollhouse.dataplane.runtime.counts.charged_once import ChargedOnce
from tollhouse.dataplane.runtime.counts.crossings import Crossings
from tollhouse.dataplane.runtime.counts.pause import NotAsked
from tollhouse.dataplane.runtime.counts.repair import LEDGER_PATIENCE_S, FromLedger, Repair
from tollhouse.dataplane.runtime.counts.shared_budgets import Forgot, SharedBudgets
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll, TookAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Claim, Crossing, Granted, Outcome

log = logging.getLogger("tollhouse.budgets")

RETRY_S = 1.0
ELSEWHERE = "/"
"""Stands in the names of reservations made by other nodes; only those settle them."""


class BudgetAuthority:
    """One per node, in the supervisor. Open reservations are known here whoever counts, so that those of a worker
    that died are settled."""

    def __init__(
        self,
        state_dir: str,
        node_id: str,
        shared: SharedBudgets | None = None,
        ledger: FromLedger | None = None,
    ) -> None:
        self.counts = Reservations()
        """Of this node, also where a store counts for all: what it knows, it can tell again."""
        self.shared = shared
        self.repair = Repair(node_id, self.counts, self._raise_here, shared, ledger)
        self.crossings = Crossings()
        self._ledger = ledger
        self._journal = BudgetJournal(Path(state_dir) / "budgets.journal", self.counts)
        first_in_fleet = shared.first_to_tell if shared is not None else None
        self._once = ChargedOnce(self._journal, self.take, self.settle, first_in_fleet)
        self._owners: dict[str, int] = {}
        """Open reservation -> serial of the worker that made it."""
        self._asking: set[str] = set()
        """What a shared store was asked to take and has not answered."""
        self._unsettled: dict[str, tuple[tuple[Claim, ...], tuple[Outcome, ...]]] = {}
        """What a shared store has not taken yet."""
        self._beginning: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Read the journal. Raises OSError."""
        self._journal.open()
        self.repair.read(self._journal.settled)
        self.repair.new = not self._journal.found
        if self.shared is None and self._ledger is not None and self.repair.new:
            self.repair.ask_ledger()
            self._beginning = self._start(self.repair.raise_if_due())
        self._start(self._keep())

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name="budgets")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def life(self) -> str:
        """From one loss of the journal to the next."""
        return self._journal.life

    @property
    def left_open(self) -> list[str]:
        """Reservations of this node that no living worker of this supervisor made: an earlier supervisor's."""
        return [name for name in self.counts.open if name not in self._owners and ELSEWHERE not in name]

    @property
    def reachable(self) -> bool:
        """Whether the store answers."""
        return self.shared is None or bool(self.shared.reachable)

    # -- taking and settling

    def take(self, serial: int, message: TakeAll) -> TookAll | Awaitable[TookAll]:
        """At once for counts of this node, later for shared ones."""
        if self._journal.broken:
            return TookAll(False, down=self._journal.broken)
        if self.shared is not None:
            # Known at once: the settlement may come before the store has answered.
            self._hold(serial, message)
            self._asking.add(message.reservation)
            return self._take_shared(self.shared, message)
        if self._beginning is not None and not self._beginning.done():
            return self._take_later(serial, message)
        return self._take_here(serial, message)

    def _hold(self, serial: int, message: TakeAll) -> None:
        self.counts.hold(message.reservation, message.claims)
        self._owners[message.reservation] = serial
        self._journal.append(Held(message.reservation, message.claims))

    def _take_here(self, serial: int, message: TakeAll) -> TookAll:
        again = message.reservation in self.counts.open
        granted = self.counts.take(message.reservation, message.claims)
        if granted.allowed and not again:
            self._owners[message.reservation] = serial
            self._journal.append(Held(message.reservation, message.claims))
        return TookAll(granted.allowed, granted.used, granted.refused)

    async def _take_later(self, serial: int, message: TakeAll) -> TookAll:
        assert self._beginning is not None
        await asyncio.wait([self._beginning], timeout=LEDGER_PATIENCE_S)
        return self._take_here(serial, message)

    async def _take_shared(self, shared: SharedBudgets, message: TakeAll) -> TookAll:
        name, claims = message.reservation, message.claims
        try:
            granted = await self._ask(shared, name, claims)
        except CounterUnavailable as error:
            self._asking.discard(name)
            if isinstance(error, NotAsked) and name not in self._unsettled:
                self._forget(name, ())
            else:  # whether it was taken nobody knows; giving it back does no harm if it was not
                self._close(name, ())
            return TookAll(False, down=str(error))
        self._asking.discard(name)
        if name in self._unsettled:  # the client left meanwhile
            self._start(self._settle_shared(shared, name))
        if not granted.allowed:
            self._forget(name, ())
        return TookAll(granted.allowed, granted.used, granted.refused)

    async def _ask(self, shared: SharedBudgets, name: str, claims: tuple[Claim, ...]) -> Granted:
        life = self.repair.life or await self.repair.look(shared, self._surely_open)
        try:
            return await shared.take(name, claims, life)
        except Forgot:
            life = await self.repair.look(shared, self._surely_open)
        try:
            return await shared.take(name, claims, life)
        except Forgot:
            raise CounterUnavailable("the store of budget counts is restarted again and again") from None

    def settle(self, message: SettleAll) -> None:
        """Never waits; a second settlement of the same reservation does nothing."""
        self._close(message.reservation, message.outcomes)

    def charge_once(self, answer: str, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...]) -> None:
        """What an answer came to that a provider keeps, if nobody has read it yet. Never waits."""
        if self._once.charge(answer, claims, outcomes):
            self._start(self._once.count())

    def _close(self, name: str, outcomes: tuple[Outcome, ...]) -> None:
        claims = self.counts.open.get(name)
        if claims is None or name in self._unsettled:
            return
        if self.shared is None:
            self.counts.settle(name, outcomes)
            self._owners.pop(name, None)
            self._journal.append(Settled(name, outcomes))
            return
        self.counts.spend(claims, outcomes)
        self._unsettled[name] = (claims, outcomes)
        if name not in self._asking:
            self._start(self._settle_shared(self.shared, name))

    async def _settle_shared(self, shared: SharedBudgets, name: str) -> None:
        waiting = self._unsettled.get(name)
        if waiting is None or name in self._asking:
            return
        claims, outcomes = waiting
        try:
            await shared.settle(name, claims, outcomes, self.counts.said(claims))
        except CounterUnavailable:
            return  # tried again by ``_keep``
        if self._unsettled.pop(name, None) is not None:
            self.repair.remember(name, claims, outcomes)
            self._forget(name, outcomes)

    def _forget(self, name: str, outcomes: tuple[Outcome, ...]) -> None:
        if self.counts.release(name) is not None:
            self._journal.append(Settled(name, outcomes, int(time.time())))
        self._owners.pop(name, None)

    # -- keeping it whole

    async def _keep(self) -> None:
        while True:
            if self.shared is not None:
                await self._keep_shared(self.shared)
            if self._beginning is None or self._beginning.done():
                self._start(self.repair.raise_if_due())
            await self._once.count()
            await asyncio.sleep(RETRY_S)
            self._journal.flush()
            self.counts.sweep(time.time())

    async def _keep_shared(self, shared: SharedBudgets) -> None:
        try:
            await self.repair.look(shared, self._surely_open)
        except CounterUnavailable:
            return
        for name in list(self._unsettled)[:1000]:
            await self._settle_shared(shared, name)

    def _surely_open(self) -> dict[str, tuple[Claim, ...]]:
        return {
            name: claims
            for name, claims in self.counts.open.items()
            if name not in self._asking and name not in self._unsettled
        }

    def _raise_here(self, key: str, start: int, told: Bucket) -> bool:
        if not self.counts.raise_to(key, start, told):
            return False
        bucket = self.counts.totals[key][start]
        self._journal.append(Total(key, start, bucket.spent, bucket.doubt, bucket.expires))
        return True

    # -- telling

    def crossed(self, one: Crossing) -> None:
        """Say once per window that a threshold was reached."""
        if not self.crossings.first(one):
            return
        if self.shared is None:
            self.crossings.tell(one)
        else:
            self._start(self.crossings.tell_once(one, self.shared.first_to_tell))

    def on_crossed(self, listener: Callable[[Crossing], None]) -> None:
        """Have thresholds told to a listener too."""
        self.crossings.listen(listener)

    async def totals(self) -> list[tuple[str, int, Bucket]]:
        """Everything that is counted. Raises CounterUnavailable."""
        return list(self.counts) if self.shared is None else await self.shared.totals()

    async def close(self) -> None:
        """Bring what is open to the store, briefly, and the journal to the disk."""
        if self.shared is not None:
            settling = [self._settle_shared(self.shared, name) for name in list(self._unsettled)[:1000]]
            if settling and self.reachable:
                await asyncio.wait([self._start(one) for one in settling], timeout=2)
            else:
                for one in settling:
                    one.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.shared is not None:
            await self.shared.close()
        self._journal.close()
