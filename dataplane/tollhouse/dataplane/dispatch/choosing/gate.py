"""A door for so many requests at a time, with a bounded queue before it that is fair between callers."""

from __future__ import annotations

import asyncio

from tollhouse.dataplane.engine.fair_queue import FairQueue


class Gate:
    """Counts who is inside. One per target and worker, or per budget that is waited for."""

    __slots__ = ("_queue", "inside")

    def __init__(self) -> None:
        self.inside = 0
        self._queue: FairQueue[asyncio.Future[bool]] = FairQueue()

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
        if not self.is_full(most):
            self.inside += 1
            return True
        if wait_s <= 0 or queue_size <= 0:
            return False
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        queued, sent_away = self._queue.push(who, place, queue_size)
        if sent_away is not None and not sent_away.done():
            sent_away.set_result(False)
        if not queued:
            return False
        try:
            async with asyncio.timeout(wait_s):
                return await place
        except TimeoutError:
            return self._too_late(who, place)
        except BaseException:
            if self._too_late(who, place):
                self.leave()
            raise

    def _too_late(self, who: str, place: asyncio.Future[bool]) -> bool:
        """Whether the place was given at the very moment the waiting ended."""
        self._queue.remove(who, place)
        return place.done() and not place.cancelled() and place.result()

    def leave(self) -> None:
        """Make room: whoever's turn it is takes the place."""
        while (place := self._queue.pop()) is not None:
            if not place.done():
                place.set_result(True)
                return
        self.inside -= 1


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
