"""Sends log entries in batches in the background: bounded in memory, retried as configured, losses counted."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from pydantic import Field
from tollhouse.dataplane.plugin import PluginConfig
from tollhouse.dataplane.services import Cell, Services

log = logging.getLogger("tollhouse.log_batches")

_LAST_CHANCE_S = 5.0


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
    """The receiver did not take a batch. The message names no secret."""


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
        self._sending = 0
        self._first_s = self._last_s = 0.0
        self._hurry = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    @property
    def pending(self) -> int:
        """Entries that have not arrived yet."""
        return len(self._entries) + self._sending

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
        """Send what waits now, once; what does not get through in a few seconds is dropped."""
        self._closing = True
        self._hurry.set()
        try:
            await asyncio.wait_for(self._idle.wait(), _LAST_CHANCE_S)
        except TimeoutError:
            log.error("log entries lost at the end", extra={"sender": self._config.name, "entries": self.pending})
            self._dropped.add(self.pending)

    async def _run(self) -> None:
        try:
            while self._entries:
                await self._gather()
                size = min(len(self._entries), self._config.batch_max_size)
                batch = [self._entries.popleft() for _ in range(size)]
                self._first_s = self._last_s
                if len(self._entries) < self._config.batch_max_size and not self._closing:
                    self._hurry.clear()
                self._sending = size
                await self._deliver(batch)
                self._sending = 0
        finally:
            self._sending = 0
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

    async def _deliver(self, batch: list[bytes]) -> None:
        for tries_left in range(self._config.max_retry_count, -1, -1):
            try:
                await self._send(batch)
                return
            except SendFailed as error:
                log.warning("log entries not taken: %s", error, extra={"sender": self._config.name, "left": tries_left})
            if tries_left and not self._closing:
                await asyncio.sleep(self._config.retry_delay)
        self._dropped.add(len(batch))
        log.error("log entries dropped", extra={"sender": self._config.name, "entries": len(batch)})
