"""Who keeps the counts of budgets on a node: the supervisor's memory and journal, or a Redis all nodes share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tollhouse.dataplane.engine.reservations import Bucket, Reservations
from tollhouse.dataplane.runtime.counts.budget_journal import BudgetJournal, Held, Settled
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll, TookAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Claim, Crossing, Outcome
from tollhouse.proto.units import format_usd

log = logging.getLogger("tollhouse.budgets")

NODE = "node"
RETRY_S = 1.0


class BudgetAuthority:
    """One per node, in the supervisor. Open reservations are known here whoever counts, so that those of a worker
    that died are settled."""

    def __init__(self, store: str, state_dir: str, timeout_s: float = 1.0) -> None:
        self.counts = Reservations()
        self.shared: Any = None
        self._journal = BudgetJournal(Path(state_dir) / "budgets.journal", self.counts)
        self._owners: dict[str, int] = {}
        """Open reservation -> serial of the worker that made it."""
        self._unsettled: dict[str, tuple[tuple[Claim, ...], tuple[Outcome, ...]]] = {}
        """What a shared store has not taken yet."""
        self._told: dict[tuple[str, int, int], int] = {}
        """Crossings already told -> when their bucket began."""
        self._retrying: asyncio.Task[None] | None = None
        self._settling: set[asyncio.Task[None]] = set()
        self._on_crossed: list[Callable[[Crossing], None]] = []
        if store != NODE:
            # Most nodes have no Redis, and its client takes a while to load.
            from tollhouse.dataplane.runtime.counts.redis_budgets import RedisBudgets

            self.shared = RedisBudgets(store, timeout_s)

    def open(self) -> None:
        """Read the journal. Raises OSError."""
        self._journal.open()
        self._retrying = asyncio.get_running_loop().create_task(self._keep(), name="budgets")

    @property
    def left_open(self) -> list[str]:
        """Reservations no living worker of this supervisor made: an earlier supervisor's."""
        return [name for name in self.counts.open if name not in self._owners]

    @property
    def reachable(self) -> bool:
        """Whether the store answers."""
        return self.shared is None or bool(self.shared.reachable)

    def take(self, serial: int, message: TakeAll) -> TookAll | Awaitable[TookAll]:
        """At once for counts of this node, later for shared ones."""
        if self._journal.broken:
            return TookAll(False, down=self._journal.broken)
        if self.shared is not None:
            # Known at once: the settlement may come before the store has answered.
            self.counts.open[message.reservation] = message.claims
            self._owners[message.reservation] = serial
            self._journal.append(Held(message.reservation, message.claims))
            return self._take_shared(message)
        granted = self.counts.take(message.reservation, message.claims)
        if granted.allowed:
            self._owners[message.reservation] = serial
            self._journal.append(Held(message.reservation, message.claims))
        return TookAll(granted.allowed, granted.used, granted.refused)

    async def _take_shared(self, message: TakeAll) -> TookAll:
        name, claims = message.reservation, message.claims
        try:
            granted = await self.shared.take(name, claims)
        except CounterUnavailable as error:
            # Whether it was taken nobody knows; giving it back does no harm if it was not.
            self._close(name, ())
            return TookAll(False, down=str(error))
        if not granted.allowed:
            self._forget(name, ())
        return TookAll(granted.allowed, granted.used, granted.refused)

    def settle(self, message: SettleAll) -> None:
        """Never waits; a second settlement of the same reservation does nothing."""
        self._close(message.reservation, message.outcomes)

    def _close(self, name: str, outcomes: tuple[Outcome, ...]) -> None:
        claims = self.counts.open.get(name)
        if claims is None:
            return
        if self.shared is None:
            self.counts.settle(name, outcomes)
            self._owners.pop(name, None)
            self._journal.append(Settled(name, outcomes))
            return
        self._unsettled[name] = (claims, outcomes)
        task = asyncio.get_running_loop().create_task(self._settle_shared(name))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle_shared(self, name: str) -> None:
        waiting = self._unsettled.get(name)
        if waiting is None:
            return
        claims, outcomes = waiting
        try:
            await self.shared.settle(name, claims, outcomes)
        except CounterUnavailable:
            return  # tried again by ``_keep``
        self._unsettled.pop(name, None)
        self._forget(name, outcomes)

    def _forget(self, name: str, outcomes: tuple[Outcome, ...]) -> None:
        if self.counts.open.pop(name, None) is not None:
            self._journal.append(Settled(name, outcomes))
        self._owners.pop(name, None)

    def of_worker(self, serial: int) -> list[str]:
        """Open reservations of a worker."""
        return [name for name, owner in self._owners.items() if owner == serial]

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RETRY_S)
            self._journal.flush()
            self.counts.sweep(time.time())
            for name in list(self._unsettled)[:1000]:
                await self._settle_shared(name)

    def crossed(self, one: Crossing) -> None:
        """Say once per window that a threshold was reached."""
        name = (one.key, one.bucket, one.percent)
        if name in self._told:
            return
        if len(self._told) > 10_000:
            for old in sorted(self._told, key=lambda told: self._told[told])[:5_000]:
                del self._told[old]
        self._told[name] = one.bucket
        if self.shared is None:
            self._tell(one)
        else:
            task = asyncio.get_running_loop().create_task(self._tell_once(one))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def _tell_once(self, one: Crossing) -> None:
        """The first node to see it tells; all do while the store cannot be asked."""
        try:
            first = await self.shared.first_to_tell(f"{one.key}|{one.bucket}|{one.percent}")
        except CounterUnavailable:
            first = True
        if first:
            self._tell(one)

    def on_crossed(self, listener: Callable[[Crossing], None]) -> None:
        """Have thresholds told to a listener too."""
        self._on_crossed.append(listener)

    def _tell(self, one: Crossing) -> None:
        for listener in self._on_crossed:
            listener(one)
        amounts = (one.used, one.limit)
        used, limit = map(format_usd, amounts) if one.unit == "usd" else map(str, amounts)
        log.warning(
            "budget threshold reached",
            extra={
                "budget": one.budget,
                "key": one.key,
                "percent": one.percent,
                "used": used,
                "limit": limit,
                "unit": one.unit,
            },
        )

    async def totals(self) -> list[tuple[str, int, Bucket]]:
        """Everything that is counted. Raises CounterUnavailable."""
        if self.shared is None:
            return list(self.counts)
        found: list[tuple[str, int, Bucket]] = await self.shared.totals()
        return found

    async def close(self) -> None:
        """Settle what can be settled, then stop."""
        if self._retrying is not None:
            self._retrying.cancel()
        if self._settling:
            await asyncio.wait(list(self._settling), timeout=2)
        self._journal.close()
        if self.shared is not None:
            await self.shared.close()
