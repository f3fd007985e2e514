"""Counts that lost something are made whole: from what this node knows still, and from the ledger.

What a count says is never more than the truth, and neither is what the ledger says: its records come later. So a count
is only ever raised to the ledger's sum, and both agree once everything is settled and shipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import msgspec
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.runtime.counts.budget_journal import Settled
from tollhouse.dataplane.runtime.counts.shared_budgets import SharedBudgets
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Claim, Outcome

log = logging.getLogger("tollhouse.budgets")

Counted = tuple[str, int, Bucket]
FromLedger = Callable[[], Awaitable[list[Counted]]]
RaiseTo = Callable[[str, int, Bucket], Awaitable[bool]]

REMEMBERED_S = 30.0
"""Settlements so young are done again when a store may have lost them (``appendfsync everysec`` loses two seconds)."""
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

    def __init__(self, raise_to: RaiseTo, ledger: FromLedger | None) -> None:
        self._raise_to = raise_to
        self._ledger = ledger
        self._recent: deque[tuple[float, str, tuple[Claim, ...], tuple[Outcome, ...]]] = deque()
        self.life = ""
        """The one this node knows."""
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

    async def look(self, store: SharedBudgets, still_open: Callable[[], dict[str, tuple[Claim, ...]]]) -> str:
        """Which life the store lives. If it is another one than before (or this node's is), what it may have lost is
        done again first, by the other nodes too. Raises CounterUnavailable."""
        async with self._turn:
            life = await store.life()
            if life.name == self.life:
                return life.name
            # Its own order: what is open is held again first, so that nobody takes the room meanwhile.
            for name, claims in still_open().items():
                await store.take(name, unenforced(claims))
            for _, name, claims, outcomes in list(self._recent):
                await store.settle(name, claims, outcomes)
            if self.life or life.young:
                log.warning("the store of budget counts was restarted or emptied: what it lost is counted again")
                await asyncio.sleep(OTHERS_S)
            self.ask_ledger()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEDGER_PATIENCE_S):
                    await self.raise_if_due()
            self.life = life.name
            return life.name

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
        raised = 0
        for key, start, bucket in counted:
            raised += await self._raise_to(key, start, bucket)
        if raised:
            log.warning("budget counts raised to what the ledger says", extra={"raised": raised, "of": len(counted)})
        return len(counted), raised


def unenforced(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The same, to be taken whether they fit or not."""
    return tuple(msgspec.structs.replace(one, enforced=False) for one in claims)
