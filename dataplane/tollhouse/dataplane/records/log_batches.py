"""Sends log entries in batches in the background: bounded in memory, retried as configured, losses counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from pydantic import Field
from tollhouse.dataplane.plugin import PluginConfig
from tollhouse.dataplane.services import Cell, Services

log = logging.getLogger("tollhouse.log_batches")


class BatchConfig(PluginConfig):
    """APISIX's batch processor."""

    name: str = "log buffer"
    """What the gateway's own log and metrics call it."""
    batch_max_size: int = Field(default=1000, ge=1)
    """Entries that are sent at once at the latest."""
    inactive_timeout: int = Field(default=5, ge=1)
    """Seconds without a new entry after which the waiting ones are sent."""
    buffer_duration: int = Field(default=60, ge=1)
    """The longest an entry waits for others, in seconds."""
    max_retry_count: int = Field(default=0, ge=0)
    """How often a failed batch is tried again. With 0 an entry arrives at most once; with more it may arrive twice."""
    retry_delay: int = Field(default=1, ge=0)
    """Seconds between two tries."""


class SendFailed(Exception):
    """The receiver did not take a batch, or only what is not in ``left`` of it. The message names no secret."""

    def __init__(self, message: str, left: Sequence[bytes] | None = None) -> None:
        super().__init__(message)
        self.left = left


Send = Callable[[Sequence[bytes]], Awaitable[None]]
"""Sends one batch. Raises SendFailed."""


class BatchSender:
    """One queue and its sender; lives as long as its plugin. The sending task exists only while entries wait."""

    def __init__(self, config: BatchConfig, max_pending: int, services: Services, send: Send, dropped: Cell) -> None:
        self._config = config
        self._max_pending = max_pending
        self._spawn = services.spawn
        self._send = send
        self._dropped = dropped
        self._entries: deque[bytes] = deque()
        self._sending: list[bytes] = []
        self._first_s = self._last_s = 0.0
        self._hurry = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = asyncio.Event()

    @property
    def pending(self) -> int:
        """Entries that have not arrived yet."""
        return len(self._entries) + len(self._sending)

    def push(self, entry: bytes) -> None:
        """Queue an entry; dropped when too many wait already."""
        if self.pending >= self._max_pending:
            self._dropped.add(1)
            return
        self._last_s = asyncio.get_running_loop().time()
        if not self._entries:
            self._first_s = self._last_s
        self._entries.append(entry)
        if len(self._entries) >= self._config.batch_max_size:
            self._hurry.set()
        if self._idle.is_set():
            self._idle.clear()
            self._spawn(self._run(), f"send logs: {self._config.name}")

    async def close(self) -> None:
        """Have what waits delivered: at once, and again as often as configured. A node that ends does not wait that
        long: it cancels the sending task, and what is lost is counted."""
        self._closed.set()
        self._hurry.set()
        await self._idle.wait()

    async def _run(self) -> None:
        try:
            while self._entries:
                await self._gather()
                size = min(len(self._entries), self._config.batch_max_size)
                batch = [self._entries.popleft() for _ in range(size)]
                self._first_s = self._last_s
                if len(self._entries) < self._config.batch_max_size and not self._closed.is_set():
                    self._hurry.clear()
                self._sending = batch
                await self._deliver()
                self._sending = []
        except asyncio.CancelledError:
            self._lose(self.pending)
            self._entries.clear()
            raise
        finally:
            self._sending = []
            self._idle.set()

    async def _gather(self) -> None:
        """Wait until a batch is full, old enough, or nobody adds to it any more."""
        config = self._config
        while not self._hurry.is_set() and len(self._entries) < config.batch_max_size:
            until_s = min(self._first_s + config.buffer_duration, self._last_s + config.inactive_timeout)
            wait_s = until_s - asyncio.get_running_loop().time()
            if wait_s <= 0:
                return
            try:
                await asyncio.wait_for(self._hurry.wait(), wait_s)
            except TimeoutError:
                continue

    async def _deliver(self) -> None:
        for tries_left in range(self._config.max_retry_count, -1, -1):
            told = {"sender": self._config.name, "left": tries_left}
            try:
                await self._send(self._sending)
                return
            except SendFailed as error:
                if error.left is not None:
                    self._sending = list(error.left)
                log.warning("log entries not taken: %s", error, extra=told)
            except Exception:  # a fault of ours is no reason to lose entries uncounted, or those behind them
                log.exception("log entries not sent", extra=told)
            if tries_left:
                await self._pause()
        self._lose(len(self._sending))

    async def _pause(self) -> None:
        """Until the next try. Closing cuts one pause short, not those after it: a receiver that restarts gets its
        time."""
        if self._closed.is_set():
            await asyncio.sleep(self._config.retry_delay)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), self._config.retry_delay)

    def _lose(self, count: int) -> None:
        if count:
            self._dropped.add(count)
            log.error("log entries dropped", extra={"sender": self._config.name, "entries": count})
