"""Lines of requests that wait for room in a budget: bounded, fair between callers, one asks at a time."""

from __future__ import annotations

import asyncio

from tollhouse.dataplane.engine.fair_queue import FairQueue


class Line:
    """Of one key of a budget, in one worker. The first in it asks for room; when it leaves, the next one does."""

    __slots__ = ("_queue", "taken")

    def __init__(self) -> None:
        self.taken = False
        """Somebody is first."""
        self._queue: FairQueue[asyncio.Future[bool]] = FairQueue()

    def __len__(self) -> int:
        return int(self.taken) + len(self._queue)

    async def be_first(self, who: str, most: int, wait_s: float) -> bool:
        """Wait to be first. False: the line is full, or it took too long. Whoever was first must ``leave``."""
        if not self.taken:
            self.taken = True
            return True
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        queued, sent_away = self._queue.push(who, place, max(0, most - 1))
        if sent_away is not None and not sent_away.done():
            sent_away.set_result(False)
        if not queued:
            return False
        try:
            async with asyncio.timeout(wait_s):
                return await place
        except TimeoutError:
            return self._too_late(who, place)
        except BaseException:  # the client left
            if self._too_late(who, place):
                self.leave()
            raise

    def _too_late(self, who: str, place: asyncio.Future[bool]) -> bool:
        """Whether the turn came at the very moment the waiting ended."""
        self._queue.remove(who, place)
        return place.done() and not place.cancelled() and place.result()

    def leave(self) -> None:
        """Let the next one ask."""
        while (place := self._queue.pop()) is not None:
            if not place.done():
                place.set_result(True)
                return
        self.taken = False
