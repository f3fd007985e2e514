"""Who keeps the counts: the memory of this node's supervisor, or a Redis that all nodes share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Protocol

import msgspec
from tollhouse.dataplane.engine.limits import Decision, FixedWindow, Request, SlidingWindow, Window
from tollhouse.dataplane.runtime.link.messages import Settle, Take, Taking
from tollhouse.dataplane.services import CounterPolicy, CounterUnavailable, Limit

log = logging.getLogger("tollhouse.counters")

MOST_KEYS = 500_000
"""Windows kept in memory. Keys may hold client addresses, so there must be an end to them."""


class SharedCounts(Protocol):
    """A store outside of this process. Methods raise CounterUnavailable, and never hang."""

    async def take(self, limit: Limit, request: Request, *, look: bool) -> Decision: ...

    async def settle(self, limit: Limit, difference: int, identity: int) -> None: ...

    async def close(self) -> None: ...

    @property
    def reachable(self) -> bool:
        """Whether the last operation went well."""


class OpenShared(Protocol):
    """Makes the store of a policy (``redis_counts.open_counts``)."""

    def __call__(self, policy: CounterPolicy) -> SharedCounts: ...


class MemoryCounts:
    """Windows in this process. Not shared between threads."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], tuple[Window, float]] = {}
        """(kind, key) -> the window and its length when last used."""

    def _window(self, limit: Limit) -> Window:
        name = (limit.kind, limit.key)
        found = self._windows.get(name)
        if found is None:
            if len(self._windows) >= MOST_KEYS:
                self.sweep(time.monotonic())
                while len(self._windows) >= MOST_KEYS:
                    del self._windows[next(iter(self._windows))]
            window: Window = FixedWindow() if limit.kind == "fixed" else SlidingWindow()
            self._windows[name] = (window, limit.window_s)
            return window
        if found[1] != limit.window_s:
            self._windows[name] = (found[0], limit.window_s)
        return found[0]

    def take(self, limit: Limit, request: Request, now: float) -> Decision:
        """Units if they are there."""
        return self._window(limit).take(now, limit.amount, limit.window_s, request)

    def look(self, limit: Limit, now: float) -> Decision:
        """What is left."""
        return self._window(limit).look(now, limit.amount, limit.window_s)

    def settle(self, limit: Limit, difference: int, identity: int, now: float) -> None:
        """Correct an earlier take."""
        self._window(limit).settle(now, limit.window_s, difference, identity)

    def sweep(self, now: float) -> None:
        """Forget windows that hold nothing any more."""
        for name in [name for name, (window, length) in self._windows.items() if window.idle(now, length)]:
            del self._windows[name]

    def __len__(self) -> int:
        return len(self._windows)


class Authority:
    """Answers the workers' ``Take`` and ``Settle``; one per node, in the supervisor."""

    def __init__(self, open_shared: OpenShared) -> None:
        self.memory = MemoryCounts()
        self._open_shared = open_shared
        self._shared: dict[bytes, SharedCounts] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self.failures = 0
        """Operations a shared store did not do."""

    def take(self, message: Take) -> Taking | Awaitable[Taking]:
        """At once for counts of this node, later for shared ones."""
        limit = message.limit
        if limit.policy.authority == "local":
            return _taking(self._take_here(message))
        return self._take_shared(message)

    def settle(self, message: Settle) -> None:
        """Never waits; a correction a shared store does not take is lost and counted in ``failures``."""
        limit = message.limit
        if limit.policy.authority == "local":
            self.memory.settle(limit, message.difference, message.identity, time.monotonic())
            return
        if len(self._settling) >= 10_000:
            self.failures += 1
            return
        task = asyncio.get_running_loop().create_task(self._settle_shared(message))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    @property
    def unreachable(self) -> list[str]:
        """Names of shared stores whose last operation failed, for readiness."""
        return [str(store) for store in self._shared.values() if not store.reachable]

    def sweep(self) -> None:
        """Forget what has run out; called now and then."""
        self.memory.sweep(time.monotonic())

    async def close(self) -> None:
        """Send open corrections, then close the connections."""
        if self._settling:
            await asyncio.wait(list(self._settling), timeout=2)
        for store in self._shared.values():
            await store.close()

    def _take_here(self, message: Take) -> Decision:
        now = time.monotonic()
        if message.look:
            return self.memory.look(message.limit, now)
        return self.memory.take(message.limit, _request(message), now)

    async def _take_shared(self, message: Take) -> Taking:
        policy = message.limit.policy
        try:
            return _taking(await self._store(policy).take(message.limit, _request(message), look=message.look))
        except CounterUnavailable as error:
            self.failures += 1
            if policy.on_failure == "reject":
                return Taking(False, 0, 0.0, 0, down=str(error))
            if policy.on_failure == "allow":
                return Taking(True, message.limit.amount, 0.0, 0)
        return _taking(self._take_here(message))

    async def _settle_shared(self, message: Settle) -> None:
        limit = message.limit
        try:
            await self._store(limit.policy).settle(limit, message.difference, message.identity)
        except CounterUnavailable:
            self.failures += 1
            if limit.policy.on_failure == "local":
                self.memory.settle(limit, message.difference, message.identity, time.monotonic())

    def _store(self, policy: CounterPolicy) -> SharedCounts:
        name = policy.authority.encode() + msgspec.json.encode(policy.redis)
        store = self._shared.get(name)
        if store is None:
            store = self._shared[name] = self._open_shared(policy)
        return store


def _request(message: Take) -> Request:
    return Request(message.amount, message.partial, message.back, message.back_identity, message.want_slice)


def _taking(decision: Decision) -> Taking:
    return Taking(
        decision.allowed,
        decision.remaining,
        decision.reset_s,
        decision.identity,
        decision.slice,
        decision.expires_s,
    )
