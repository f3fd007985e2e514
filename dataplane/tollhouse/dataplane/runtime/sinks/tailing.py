"""Finished requests shown as they happen: collected in workers while somebody looks, handed on by the supervisor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.records.log_entry import access_entry, encode_entry
from tollhouse.dataplane.runtime.link.link import Link
from tollhouse.dataplane.runtime.link.messages import Tailed, TailWanted

FLUSH_S = 0.1
DEFAULT_PER_SECOND = 100
MOST_PER_SECOND = 1000
BACKLOG = 2000
"""Entries a slow listener may be behind; what comes then is lost to it, and counted."""


class WorkerTail:
    """One worker's side. Costs nothing while nobody looks."""

    def __init__(self, gateway: Gateway, link: Callable[[], Link], monotonic: Callable[[], float]) -> None:
        self._gateway = gateway
        self._link = link
        self._monotonic = monotonic
        self._most = 0
        self._entries: list[bytes] = []
        self._lost = 0
        self._second = 0
        self._shown = 0
        self._flushing: asyncio.TimerHandle | None = None

    def follow(self, wanted: TailWanted) -> None:
        """Begin, change the pace, or stop."""
        recorders = self._gateway.recorders
        if self._record in recorders:
            recorders.remove(self._record)
        self._most = wanted.most_per_second
        if self._most:
            recorders.append(self._record)

    def _record(self, ex: Exchange) -> None:
        now = self._monotonic()
        if int(now) != self._second:
            self._second, self._shown = int(now), 0
        if self._shown >= self._most:
            self._lost += 1
            return
        self._shown += 1
        self._entries.append(encode_entry(access_entry(ex, now)))
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        entries, lost, self._entries, self._lost = self._entries, self._lost, [], 0
        self._link().tell(Tailed(entries, lost))


class _Listener:
    def __init__(self, most_per_second: int) -> None:
        self.most_per_second = most_per_second
        self.queue: asyncio.Queue[tuple[bytes, int]] = asyncio.Queue(BACKLOG)
        self.lost = 0


class Tails:
    """The supervisor's side: who listens, and what they get."""

    def __init__(self, broadcast: Callable[[TailWanted], None]) -> None:
        self._broadcast = broadcast
        self._listeners: set[_Listener] = set()

    @property
    def wanted(self) -> TailWanted:
        """What workers should tell now; a new worker is told so too."""
        return TailWanted(max((one.most_per_second for one in self._listeners), default=0))

    @asynccontextmanager
    async def listen(self, most_per_second: int) -> AsyncIterator[AsyncIterator[tuple[bytes, int]]]:
        """Entries from now on, each with how many were lost before it."""
        pace = min(most_per_second or DEFAULT_PER_SECOND, MOST_PER_SECOND)
        listener = _Listener(pace)
        self._listeners.add(listener)
        self._broadcast(self.wanted)
        try:
            yield _entries(listener)
        finally:
            self._listeners.discard(listener)
            self._broadcast(self.wanted)

    def told(self, tailed: Tailed) -> None:
        """A worker told some."""
        for listener in self._listeners:
            listener.lost += tailed.lost
            for entry in tailed.entries:
                try:
                    listener.queue.put_nowait((entry, listener.lost))
                    listener.lost = 0
                except asyncio.QueueFull:
                    listener.lost += 1


async def _entries(listener: _Listener) -> AsyncIterator[tuple[bytes, int]]:
    second, shown, skipped = 0, 0, 0
    while True:
        entry, lost = await listener.queue.get()
        now = int(time.monotonic())
        if now != second:
            second, shown = now, 0
        if shown >= listener.most_per_second:
            skipped += 1 + lost
            continue
        shown += 1
        yield entry, lost + skipped
        skipped = 0
