"""A worker's side of the counters: slices here, everything else asked of the node's authority over the link."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tollhouse.dataplane.engine.limits import Decision, Request, Slice, slice_size
from tollhouse.dataplane.runtime.counts.authority import MemoryCounts
from tollhouse.dataplane.runtime.link.link import Link, LinkError
from tollhouse.dataplane.runtime.link.messages import Settle, Take, Taking
from tollhouse.dataplane.services import CounterPolicy, Counters, CounterUnavailable, Limit, Taken

ASK_TIMEOUT_S = 2.0
"""Added to the time a shared store may take, so that the supervisor's word about it arrives first."""

IDLE_S = 1.0
"""A slice unused for so long goes back, so that other workers can have it."""


class LinkedCounters(Counters):
    """Shares the counts with the other workers. Most takes of a large limit are a subtraction here."""

    def __init__(self, link: Callable[[], Link]) -> None:
        self._link = link
        self._slices: dict[tuple[str, str], tuple[Limit, Slice]] = {}
        self._alone = MemoryCounts()
        """Used under the policy ``local`` while the authority does not answer."""

    def at_hand(self, limit: Limit, amount: int = 1) -> Taken | None:
        """See the port."""
        name = (limit.kind, limit.key)
        held = self._slices.get(name)
        if held is None:
            return None
        part = held[1]
        # A changed limit must be seen at once; equal policies are the same object or compare quickly.
        if held[0] is not limit and held[0] != limit:
            self._return(name)
            return None
        now = time.monotonic()
        if not part.take(now, amount):
            return None
        return Taken(True, part.remaining + part.unused, max(0.0, part.reset_at - now), part.identity)

    async def take(self, limit: Limit, amount: int = 1, *, partial: bool = False) -> Taken:
        """See the port."""
        taken = self.at_hand(limit, amount)
        if taken is not None:
            return taken
        if slice_size(limit.amount - amount):
            return await self._take_with_slice((limit.kind, limit.key), limit, amount, partial)
        return await self._ask(limit, Take(limit, amount, partial))

    async def _take_with_slice(self, name: tuple[str, str], limit: Limit, amount: int, partial: bool) -> Taken:
        held = self._slices.get(name)
        if held is None or held[0] != limit:
            held = self._slices[name] = (limit, Slice())
        part = held[1]
        if part.asking:
            return await self._ask(limit, Take(limit, amount, partial))
        back, identity = part.give_up()
        part.asking = True
        try:
            return await self._ask(limit, Take(limit, amount, partial, back, identity, want_slice=True), part)
        finally:
            part.asking = False

    async def _ask(self, limit: Limit, message: Take, part: Slice | None = None) -> Taken:
        asked_at = time.monotonic()
        try:
            answer = await self._link().ask(message, Taking, _patience_s(limit.policy))
        except LinkError as error:
            return self._without_authority(limit, message, str(error))
        if answer.down:
            raise CounterUnavailable(answer.down)
        if part is not None:
            part.accept(asked_at, _decision(answer))
        return Taken(answer.allowed, answer.remaining + answer.slice, answer.reset_s, answer.identity)

    def _without_authority(self, limit: Limit, message: Take, reason: str) -> Taken:
        if limit.policy.on_failure == "reject":
            raise CounterUnavailable(f"the node's counters do not answer: {reason}")
        if limit.policy.on_failure == "allow":
            return Taken(True, limit.amount, 0.0)
        now = time.monotonic()
        if message.look:
            decision = self._alone.look(limit, now)
        else:
            decision = self._alone.take(limit, Request(message.amount, message.partial), now)
        return Taken(decision.allowed, decision.remaining, decision.reset_s)

    def settle(self, limit: Limit, difference: int, taken: Taken | None = None) -> None:
        """See the port."""
        if not difference:
            return
        held = self._slices.get((limit.kind, limit.key))
        if held is not None and taken is not None and held[1].settle(time.monotonic(), difference, taken.window):
            return
        self._link().tell(Settle(limit, difference, taken.window if taken is not None else 0))

    async def look(self, limit: Limit) -> Taken:
        """See the port."""
        held = self._slices.get((limit.kind, limit.key))
        now = time.monotonic()
        if held is not None and held[0] == limit and held[1].unused > 0 and now < held[1].expires:
            part = held[1]
            return Taken(True, part.remaining + part.unused, max(0.0, part.reset_at - now), part.identity)
        return await self._ask(limit, Take(limit, 0, look=True))

    # -- slices

    def _return(self, name: tuple[str, str]) -> None:
        held = self._slices.pop(name, None)
        if held is None:
            return
        units, identity = held[1].give_up()
        if units:
            self._link().tell(Settle(held[0], -units, identity))

    def return_idle(self, now: float) -> None:
        """Give back what was not used lately."""
        for name, (_, part) in list(self._slices.items()):
            if not part.asking and (now >= part.expires or now - part.used_at >= IDLE_S):
                self._return(name)

    def return_all(self) -> None:
        """Give everything back: the worker stops."""
        for name in list(self._slices):
            self._return(name)

    async def keep(self) -> None:
        """Return idle slices for ever; run it as a task."""
        while True:
            await asyncio.sleep(IDLE_S / 2)
            now = time.monotonic()
            self.return_idle(now)
            self._alone.sweep(now)


def _patience_s(policy: CounterPolicy) -> float:
    if policy.authority == "local":
        return ASK_TIMEOUT_S
    return ASK_TIMEOUT_S + int(dict(policy.redis).get("redis_timeout", 1000)) / 1000


def _decision(answer: Taking) -> Decision:
    return Decision(answer.allowed, answer.remaining, answer.reset_s, answer.identity, answer.slice, answer.expires_s)
