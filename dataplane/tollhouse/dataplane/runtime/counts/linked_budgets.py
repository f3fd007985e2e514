"""A worker's side of the budgets: envelopes here, everything else asked of the node's authority over the link."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from tollhouse.dataplane.engine.envelopes import Envelope, Shape, copies, enlarged, shape_of
from tollhouse.dataplane.runtime.link.link import Link, LinkError
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll, TookAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import BudgetCounts, Claim, Crossing, Granted, Outcome

ASK_TIMEOUT_S = 3.0
"""Longer than a shared store may take, so that the supervisor's word about it arrives first."""
LOOK_S = 0.1
MOST_SHAPES = 4096


class LinkedBudgets(BudgetCounts):
    """One per worker. ``series`` begins the names of its envelopes, as it does those of its attempts."""

    def __init__(self, link: Callable[[], Link], series: str) -> None:
        self._link = link
        self._names = (f"{series}-E{number:x}" for number in itertools.count(1))
        self._current: dict[Shape, Envelope] = {}
        self._room: dict[Shape, int] = {}
        """Copies that would fit, when the authority was last asked."""
        self._open: dict[str, Envelope] = {}
        """Envelopes that are not settled, by name."""
        self._drawn: dict[str, tuple[Envelope, tuple[Claim, ...]]] = {}

    async def take_all(self, reservation: str, claims: tuple[Claim, ...]) -> Granted:
        """See the port."""
        shape = shape_of(claims)
        envelope = self._current.get(shape)
        if envelope is not None:
            used = envelope.draw(claims, time.monotonic())
            if used is not None:
                self._drawn[reservation] = (envelope, claims)
                return Granted(True, used, reservation=envelope.id)
        count = self._room.get(shape, 1)
        if count < 2:
            granted = await self._ask(reservation, claims)
            self._learn(shape, claims, granted)
            return granted
        return await self._take_envelope(reservation, claims, shape, count)

    async def _take_envelope(self, reservation: str, claims: tuple[Claim, ...], shape: Shape, count: int) -> Granted:
        name = next(self._names)
        wanted = enlarged(claims, count)
        granted = await self._ask(name, wanted)
        if not granted.allowed:  # others were faster: this attempt alone may still fit
            self._room.pop(shape, None)
            return await self._ask(reservation, claims)
        now = time.monotonic()
        envelope = self._open[name] = Envelope.of(name, wanted, granted.used, now)
        self._current[shape] = envelope
        self._learn(shape, claims, granted)
        used = envelope.draw(claims, now)
        assert used is not None
        self._drawn[reservation] = (envelope, claims)
        return Granted(True, used, reservation=name)

    def _learn(self, shape: Shape, claims: tuple[Claim, ...], granted: Granted) -> None:
        if len(self._room) >= MOST_SHAPES:
            self._room.clear()
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
        for shape in [shape for shape, one in self._current.items() if now >= one.drawn_until]:
            del self._current[shape]

    def return_all(self) -> None:
        """The worker stops: nothing is drawn any more."""
        self.return_over(float("inf"))

    async def keep(self) -> None:
        """Settle envelopes for ever; run it as a task."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.return_over(time.monotonic())
