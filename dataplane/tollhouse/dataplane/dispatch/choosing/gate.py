"""A door for so many requests at a time, with a bounded queue before it that is fair between callers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from tollhouse.dataplane.engine.fair_queue import FairQueue


class Gate:
    """Counts who is inside. One per target and worker, or per budget that is waited for."""

    __slots__ = ("_queue", "inside")

    def __init__(self) -> None:
        self.inside = 0
        self._queue: FairQueue[asyncio.Future[Gate | None]] = FairQueue()

    def __len__(self) -> int:
        return self.inside + len(self._queue)

    @property
    def waiting(self) -> int:
        """How many queue up."""
        return len(self._queue)

    def is_full(self, most: int) -> bool:
        """Whether a further request would have to wait."""
        return self.inside >= most or len(self._queue) > 0

    async def enter(self, who: str, most: int, queue_size: int, wait_s: float) -> bool:
        """Go in, waiting for up to ``wait_s`` while ``most`` are inside. False: no place in time, or in the queue.
        Whoever went in must ``leave``."""
        return await enter_any([Door(self, most)], who, queue_size, wait_s) is not None

    def queue(self, who: str, place: asyncio.Future[Gate | None], most: int) -> bool:
        """Queue up; False where there is no room for it. Whoever has to leave for it waits nowhere any more."""
        queued, sent_away = self._queue.push(who, place, most)
        if sent_away is not None and not sent_away.done():
            sent_away.set_result(None)
        return queued

    def unqueue(self, who: str, place: asyncio.Future[Gate | None]) -> None:
        """Wait here no longer."""
        self._queue.remove(who, place)

    def leave(self) -> None:
        """Make room: whoever's turn it is takes the place."""
        while (place := self._queue.pop()) is not None:
            if not place.done():
                place.set_result(self)
                return
        self.inside -= 1


class Door(NamedTuple):
    """A gate, and how many it lets in."""

    gate: Gate
    most: int


async def enter_any(doors: Sequence[Door], who: str, queue_size: int, wait_s: float) -> Gate | None:
    """Go in by the first door that has room, or waits for whichever has it first: before one door somebody else would
    get what becomes free behind another. None: no place in time, or in any queue. Whoever went in must ``leave``."""
    for gate, most in doors:
        if not gate.is_full(most):
            gate.inside += 1
            return gate
    if wait_s <= 0 or queue_size <= 0:
        return None
    place: asyncio.Future[Gate | None] = asyncio.get_running_loop().create_future()
    queues = [gate for gate, _ in doors if gate.queue(who, place, queue_size)]
    if not queues:
        return None
    try:
        async with asyncio.timeout(wait_s):
            return await place
    except TimeoutError:
        return _given(place)
    except BaseException:
        late = _given(place)
        if late is not None:
            late.leave()
        raise
    finally:
        for gate in queues:
            gate.unqueue(who, place)


def _given(place: asyncio.Future[Gate | None]) -> Gate | None:
    """The place that was given at the very moment the waiting ended."""
    return place.result() if place.done() and not place.cancelled() else None


class Place:
    """A place inside, given back once. Whoever takes it over (a trial) gives it back instead of who entered."""

    __slots__ = ("_gate", "handed_on")

    def __init__(self, gate: Gate) -> None:
        self._gate: Gate | None = gate
        self.handed_on = False

    def leave(self) -> None:
        """Give it back; further calls do nothing."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.leave()
