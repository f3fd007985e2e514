"""A worker's side of the budgets: envelopes here, everything else asked of the node's authority over the link."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from tollhouse.dataplane.engine.envelopes import FEWEST, FIRST, Envelope, Shape, copies, enlarged, shape_of
from tollhouse.dataplane.runtime.link.link import Link, LinkError
from tollhouse.dataplane.runtime.link.messages import SettleAll, Spent, TakeAll, TookAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import BudgetCounts, Claim, Crossing, Granted, Outcome

ASK_TIMEOUT_S = 3.0
"""Longer than a shared store may take, so that the supervisor's word about it arrives first."""
LOOK_S = 0.1
MOST_SHAPES = 4096
ENVELOPE = "E"
"""Begins the last part of an envelope's name; attempts have numbers there."""
MOST_WAITS = 5
"""So often an attempt waits for what others asked for, before it asks for itself alone."""


class LinkedBudgets(BudgetCounts):
    """One per worker. ``series`` begins the names of its envelopes, as it does those of its attempts."""

    def __init__(self, link: Callable[[], Link], series: str, *, tells: bool = False) -> None:
        """``tells``: what came of envelopes is written down nowhere else, so the node is told while they are open."""
        self._link = link
        self._tells = tells
        self._names = (f"{series}-{ENVELOPE}{number:x}" for number in itertools.count(1))
        self._current: dict[Shape, Envelope] = {}
        self._room: dict[Shape, int] = {}
        """Copies that would fit, when the authority was last asked."""
        self._sizes: dict[Shape, int] = {}
        """Attempts the next envelope is for."""
        self._asking: dict[Shape, asyncio.Future[None]] = {}
        """Resolved once an envelope that is asked for has come, or has not."""
        self._open: dict[str, Envelope] = {}
        """Envelopes that are not settled, by name."""
        self._drawn: dict[str, tuple[Envelope, tuple[Claim, ...]]] = {}

    async def take_all(self, reservation: str, claims: tuple[Claim, ...]) -> Granted:
        """See the port."""
        shape = shape_of(claims)
        granted = self._draw(reservation, claims, shape)
        waited = 0
        while granted is None and waited < MOST_WAITS and shape in self._asking:  # another attempt asks for many
            await asyncio.wait([self._asking[shape]])
            granted = self._draw(reservation, claims, shape)
            waited += 1
        if granted is not None:
            return granted
        count = min(self._room.get(shape, 1), self._sizes.get(shape, FIRST))
        if count >= FEWEST and shape not in self._asking:
            return await self._take_envelope(reservation, claims, shape, count)
        granted = await self._ask(reservation, claims)
        self._learn(shape, claims, granted)
        return granted

    def _draw(self, reservation: str, claims: tuple[Claim, ...], shape: Shape) -> Granted | None:
        envelope = self._current.get(shape)
        if envelope is None:
            return None
        used = envelope.draw(claims, time.monotonic())
        if used is None:
            return None
        self._drawn[reservation] = (envelope, claims)
        return Granted(True, used, reservation=envelope.id)

    async def _take_envelope(self, reservation: str, claims: tuple[Claim, ...], shape: Shape, count: int) -> Granted:
        last = self._current.get(shape)
        if last is not None:
            count = min(self._room.get(shape, 1), last.next_size(count))
        name = next(self._names)
        wanted = enlarged(claims, count)
        asking = self._asking[shape] = asyncio.get_running_loop().create_future()
        try:
            granted = await self._ask(name, wanted)
            if granted.allowed:
                envelope = Envelope.of(name, wanted, granted.used, time.monotonic())
                self._open[name] = self._current[shape] = envelope
                self._sizes[shape] = count
                self._learn(shape, claims, granted)
        finally:
            del self._asking[shape]
            asking.set_result(None)
        if granted.allowed:
            drawn = self._draw(reservation, claims, shape)
            assert drawn is not None
            return drawn
        self._room.pop(shape, None)  # others were faster: this attempt alone may still fit
        return await self._ask(reservation, claims)

    def _learn(self, shape: Shape, claims: tuple[Claim, ...], granted: Granted) -> None:
        if len(self._room) >= MOST_SHAPES:
            self._room.clear()
            self._sizes.clear()
        self._room[shape] = copies(claims, granted.used) if granted.allowed else 1

    async def _ask(self, reservation: str, claims: tuple[Claim, ...]) -> Granted:
        try:
            answer = await self._link().ask(TakeAll(reservation, claims), TookAll, ASK_TIMEOUT_S)
        except LinkError as error:
            self._link().tell(SettleAll(reservation, ()))  # it may have been taken all the same
            raise CounterUnavailable(f"the node's budgets do not answer: {error}") from None
        except BaseException:  # the client left meanwhile
            self._link().tell(SettleAll(reservation, ()))
            raise
        if answer.down:
            raise CounterUnavailable(answer.down)
        return Granted(answer.allowed, answer.used, answer.refused)

    def settle_all(self, reservation: str, outcomes: tuple[Outcome, ...]) -> None:
        """See the port."""
        drawn = self._drawn.pop(reservation, None)
        if drawn is None:
            self._link().tell(SettleAll(reservation, outcomes))
            return
        envelope, claims = drawn
        envelope.settle(claims, outcomes)

    def crossed(self, crossing: Crossing) -> None:
        """See the port."""
        self._link().tell(crossing)

    def return_over(self, now: float) -> None:
        """Settle envelopes that are over."""
        for name, envelope in list(self._open.items()):
            if envelope.over(now):
                self._link().tell(SettleAll(name, envelope.outcomes()))
                del self._open[name]
            elif self._tells and envelope.told != envelope.settled:
                envelope.told = envelope.settled
                self._link().tell(Spent(name, envelope.outcomes()))
        for shape, one in [(shape, one) for shape, one in self._current.items() if now >= one.drawn_until]:
            self._sizes[shape] = one.next_size(self._sizes.get(shape, FIRST))
            del self._current[shape]

    def return_all(self) -> None:
        """The worker stops: nothing is drawn any more."""
        self.return_over(float("inf"))

    async def keep(self) -> None:
        """Settle envelopes for ever; run it as a task."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.return_over(time.monotonic())
