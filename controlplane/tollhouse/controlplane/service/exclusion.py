"""Who may write at the same time: single puts beside each other, writes that depend on everything alone.

A write that holds only while *nothing* changed (a delete that nothing may refer to, a document set) would lose its race
for ever against a steady stream of puts. Inside one process it waits until the others are through instead; between
several control planes the condition in the etcd transaction decides, and the loser begins again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollhouse.controlplane.service.refusal import Fault, Refusal

LONGEST_WAIT_S = 15.0


class Exclusion:
    """First come, first served. One per process; used by tasks of one event loop."""

    def __init__(self, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        self._longest_wait_s = longest_wait_s
        self._inside = 0
        self._alone = False
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def turn(self, *, alone: bool) -> AsyncIterator[None]:
        """Wait for one's turn and hold it. Raises Refusal after ``LONGEST_WAIT_S``."""
        await self._enter(alone)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, alone: bool) -> None:
        if not self._waiting and self._free(alone):
            self._take(alone)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (alone, waiter)
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self._longest_wait_s):
                await waiter
        except (asyncio.CancelledError, TimeoutError) as error:
            if place in self._waiting:
                self._waiting.remove(place)
                self._admit()
            else:  # the turn came in the same moment
                self._leave()
            if isinstance(error, TimeoutError):
                raise Refusal(Fault.UNAVAILABLE, "etcd is slow: other writes have been waiting for long") from error
            raise

    def _free(self, alone: bool) -> bool:
        return not self._alone and not (alone and self._inside)

    def _take(self, alone: bool) -> None:
        self._inside += 1
        self._alone = alone

    def _leave(self) -> None:
        self._inside -= 1
        self._alone = False
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._free(self._waiting[0][0]):
            alone, waiter = self._waiting.popleft()
            self._take(alone)
            waiter.set_result(None)
