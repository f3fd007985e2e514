"""Counts that lost something are made whole: from what this node counted itself, and from the ledger.

A node's own count is never more than the truth, and neither is what the ledger says of it (what is under way left out):
so whatever says less than one of them is raised to it, as often as one likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import msgspec
from tollhouse.dataplane.engine.reservations import Bucket, Reservations
from tollhouse.dataplane.runtime.counts.budget_journal import Settled
from tollhouse.dataplane.runtime.counts.shared_budgets import Counted, SharedBudgets
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Claim, Outcome

log = logging.getLogger("tollhouse.budgets")

FromLedger = Callable[[], Awaitable[list[Counted]]]
Open = Callable[[], dict[str, tuple[Claim, ...]]]

REMEMBERED_S = 30.0
"""Settlements so young are done again when a store may have lost them (``appendfsync everysec`` loses two seconds), so
that nothing stays held."""
MOST_REMEMBERED = 50_000
OTHERS_S = 1.3
"""Within this all nodes have looked."""
LEDGER_PATIENCE_S = 2.0
"""How long counts that were lost wait for the ledger's word before they go on without it."""
RAISE_EVERY_S = 5.0
RAISES = 12
"""Times the ledger is asked after a loss: its records arrive a while after the counts."""


class Repair:
    """One per node. ``look`` is called every second."""

    def __init__(
        self,
        node_id: str,
        counts: Reservations,
        raise_here: Callable[[str, int, Bucket], bool],
        store: SharedBudgets | None,
        ledger: FromLedger | None,
    ) -> None:
        """``raise_here`` has the node's own count of a bucket say no less than it is told."""
        self._node_id = node_id
        self._counts = counts
        self._raise_here = raise_here
        self._store = store
        self._ledger = ledger
        self.under_way: Callable[[], Iterable[tuple[tuple[Claim, ...], list[Outcome]]]] = tuple
        """Claims that are not settled, and what the ledger may hold of them already."""
        self._recent: deque[tuple[float, str, tuple[Claim, ...], tuple[Outcome, ...]]] = deque()
        self.life = ""
        """The store's, as far as this node knows."""
        self.new = False
        """This node lost its own counts, or never had any."""
        self._raises = 0
        self._raise_at = 0.0
        self._complained = ""
        self._turn = asyncio.Lock()

    # -- what a shared store may have lost

    def remember(self, name: str, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...]) -> None:
        """A settlement the store acknowledged."""
        now = time.monotonic()
        recent = self._recent
        recent.append((now, name, claims, outcomes))
        while recent and (now - recent[0][0] > REMEMBERED_S or len(recent) > MOST_REMEMBERED):
            recent.popleft()

    def read(self, settled: Iterable[tuple[Settled, tuple[Claim, ...]]]) -> None:
        """Settlements of an earlier process."""
        since = time.time() - REMEMBERED_S
        for one, claims in settled:
            if claims and one.at >= since:
                self.remember(one.reservation, claims, one.outcomes)

    async def look(self, store: SharedBudgets, still_open: Open) -> str:
        """Which life the store lives. If it is another one than before (or this node's is), what it may have lost is
        told again first, by the other nodes too. Raises CounterUnavailable."""
        async with self._turn:
            life = await store.life()
            if life.name != self.life:
                await self._tell_again(store, still_open)
                if self.life or life.young:
                    log.warning("the store of budget counts was restarted or emptied: what it lost is counted again")
                    await asyncio.sleep(OTHERS_S)
                self.ask_ledger()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LEDGER_PATIENCE_S):
                        await self.raise_if_due()
                self.life = life.name
            return life.name

    async def _tell_again(self, store: SharedBudgets, still_open: Open) -> None:
        if self.new:
            for node, key, start, bucket in await store.by_node():
                if node == self._node_id:
                    self._raise_here(key, start, bucket)
            self.new = False
        # What is open is held again first, so that nobody takes the room meanwhile.
        for name, claims in still_open().items():
            await store.take(name, unenforced(claims))
        own = [(self._node_id, key, start, bucket) for key, start, bucket in self._counts]
        await store.raise_to([one for one in own if one[3].spent or one[3].doubt])
        for _, name, claims, outcomes in list(self._recent):
            await store.settle(name, claims, outcomes, self._counts.said(claims))

    # -- from the ledger

    def ask_ledger(self) -> None:
        """From now on, several times."""
        self._raises, self._raise_at = RAISES, 0.0

    async def raise_if_due(self) -> None:
        """Ask the ledger, if it is time to."""
        if not self._raises or self._ledger is None or time.monotonic() < self._raise_at:
            return
        self._raise_at = time.monotonic() + RAISE_EVERY_S
        try:
            await self.rebuild()
        except CounterUnavailable as error:
            if self._complained != str(error):
                self._complained = str(error)
                log.info("budget counts not compared with the ledger yet: %s", error)
        else:
            self._raises -= 1

    async def rebuild(self) -> tuple[int, int]:
        """Raise all counts that say less than the ledger: (compared, raised). Raises CounterUnavailable."""
        if self._ledger is None:
            raise CounterUnavailable("this node has no ledger to rebuild counts from: start it with --control-plane")
        counted = await self._ledger()
        if self._store is None:
            raised = self._raise_own(counted)
        else:
            self._raise_own([one for one in counted if one[0] == self._node_id])
            raised = await self._store.raise_to([one for one in counted if one[0] != self._node_id])
            own = [(self._node_id, key, start, bucket) for key, start, bucket in self._counts]
            raised += await self._store.raise_to([one for one in own if one[3].spent or one[3].doubt])
        if raised:
            log.warning("budget counts raised to what the ledger says", extra={"raised": raised, "of": len(counted)})
        return len(counted), raised

    def _raise_own(self, counted: list[Counted]) -> int:
        """Of one key and bucket the parts of several nodes are one count here."""
        sums: dict[tuple[str, int], Bucket] = {}
        for _, key, start, bucket in counted:
            one = sums.setdefault((key, start), Bucket(expires=bucket.expires))
            one.spent += bucket.spent
            one.doubt += bucket.doubt
        for claims, outcomes in self.under_way():
            for claim, outcome in zip(claims, outcomes, strict=False):
                found = sums.get((claim.key, claim.bucket))
                if found is not None:
                    found.spent -= outcome.units
                    found.doubt -= outcome.doubt
        return sum(self._raise_here(key, start, bucket) for (key, start), bucket in sums.items())


def unenforced(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The same, to be taken whether they fit or not."""
    return tuple(msgspec.structs.replace(one, enforced=False) for one in claims)
