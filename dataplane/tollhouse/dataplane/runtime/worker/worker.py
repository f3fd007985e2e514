"""One worker process: takes the configuration from its supervisor and serves traffic with it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable
from typing import Any

import uvloop
from tollhouse.dataplane import registry
from tollhouse.dataplane.config.objects import Batch
from tollhouse.dataplane.runtime.guarded_loop import GuardedLoop
from tollhouse.dataplane.runtime.link.link import Link
from tollhouse.dataplane.runtime.link.messages import (
    BreakerTold,
    Config,
    Drain,
    EffectiveWanted,
    ExplainWanted,
    ForceTarget,
    HealthWanted,
    Heartbeat,
    Hello,
    Message,
    MetricsReport,
    MetricsWanted,
    Refusal,
    SecretValues,
    Start,
    TailWanted,
)
from tollhouse.dataplane.runtime.logs import set_up_logs
from tollhouse.dataplane.runtime.node.config_state import merge_batches
from tollhouse.dataplane.runtime.worker.serving import Serving

log = logging.getLogger("tollhouse.worker")

HEARTBEAT_S = 0.5
PRICES_LOOK_S = 600.0
REPORTS_EVERY = 4
"""Heartbeats between reports of the numbers: what a killed worker counted since the last one is lost."""


class Worker:
    """Lives as long as its process."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._start: asyncio.Future[Start] = loop.create_future()
        self._before_start: list[Message] = []
        self._batches: asyncio.Queue[Batch] = asyncio.Queue()
        self._drain_limit_s: float | None = None
        self._stop = asyncio.Event()
        self._serving: Serving | None = None
        self._tail = TailWanted(0)
        self._secrets = SecretValues({}, {})
        self._link: Link | None = None

    @property
    def link(self) -> Link:
        """The link to the supervisor."""
        assert self._link is not None
        return self._link

    async def run(self, link_fd: int) -> None:
        """Serve until the supervisor says otherwise, or is gone."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        # Ctrl-C reaches the whole process group; the supervisor decides what follows.
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        sock = socket.socket(fileno=link_fd)
        sock.setblocking(False)
        _, self._link = await loop.create_unix_connection(
            lambda: Link(self._told, self._asked, self._stop.set), sock=sock
        )
        self.link.tell(Hello(os.getpid()))
        stopped = loop.create_task(self._stop.wait())
        either: list[asyncio.Future[Any]] = [self._start, stopped]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._start.done():
            await self._serve(self._start.result(), stopped)
        self.link.close()

    async def _serve(self, start: Start, stopped: asyncio.Task[bool]) -> None:
        set_up_logs(start.settings.log_level, f"worker-{start.index}")
        running = asyncio.get_running_loop()
        assert isinstance(running, GuardedLoop)
        running.keep_from(start.own_places)
        serving = self._serving = Serving(start, lambda: self.link)
        serving.tail.follow(self._tail)
        serving.learn(self._secrets)
        for message in self._before_start:
            self._about_targets(message)
        loop = asyncio.get_running_loop()
        loading = loop.create_task(self._load_batches(serving), name="configuration")
        beating = loop.create_task(self._beat(serving), name="heartbeat")
        try:
            any_of: list[asyncio.Future[Any]] = [loading, beating, stopped]
            await asyncio.wait(any_of, return_when=asyncio.FIRST_COMPLETED)
            for task in (loading, beating):
                if task.done():
                    log.critical("worker cannot go on", exc_info=task.exception())
        finally:
            loading.cancel()
            limit_s = start.settings.drain_timeout_s if self._drain_limit_s is None else self._drain_limit_s
            # Whatever keeps this process from ending, a signal ends it a little after the limit.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(int(limit_s) + 5)
            await serving.close(limit_s)
            self.link.tell(MetricsReport(serving.metrics.families()))
            beating.cancel()

    async def _load_batches(self, serving: Serving) -> None:
        while True:
            try:
                async with asyncio.timeout(_until_a_day_begins() if serving.loaded else None):
                    batch = await self._batches.get()
            except TimeoutError:
                await serving.take_new_prices()
                continue
            while not self._batches.empty():  # a burst becomes one snapshot
                batch = merge_batches(batch, self._batches.get_nowait())
            self.link.tell(await serving.load(batch))

    async def _beat(self, serving: Serving) -> None:
        count = 0
        while True:
            self.link.tell(Heartbeat(serving.exchanges))
            if count % REPORTS_EVERY == 0:
                self.link.tell(MetricsReport(serving.metrics.families()))
            count += 1
            await asyncio.sleep(HEARTBEAT_S)

    # -- the link

    def _told(self, message: Message) -> None:
        if isinstance(message, SecretValues):
            self._secrets = message
            if self._serving is not None:
                self._serving.learn(message)
        elif isinstance(message, Config):
            self._batches.put_nowait(message.batch)
        elif isinstance(message, Start):
            if not self._start.done():
                self._start.set_result(message)
        elif isinstance(message, BreakerTold | ForceTarget):
            self._about_targets(message)
        elif isinstance(message, Drain):
            self._drain_limit_s = message.limit_s
            self._stop.set()
        elif isinstance(message, TailWanted):
            self._tail = message
            if self._serving is not None:
                self._serving.tail.follow(message)
        else:
            log.error("unexpected message %s", type(message).__name__)

    def _about_targets(self, message: Message) -> None:
        serving = self._serving
        if serving is None:
            self._before_start.append(message)
        elif isinstance(message, BreakerTold):
            serving.breakers.learn(message)
        elif isinstance(message, ForceTarget):
            serving.breakers.force(message)

    def _asked(self, message: Message) -> Message | Awaitable[Message]:
        serving = self._serving
        if serving is None:
            return Refusal("the worker has not started yet")
        if isinstance(message, MetricsWanted):
            return MetricsReport(serving.metrics.families())
        if isinstance(message, ExplainWanted):
            return serving.inspection.explain(message)
        if isinstance(message, EffectiveWanted):
            return serving.inspection.effective(message)
        if isinstance(message, HealthWanted):
            return serving.inspection.health()
        if isinstance(message, ForceTarget):
            return serving.breakers.force(message)
        return Refusal(f"a worker does not answer {type(message).__name__}")


async def _run(link_fd: int) -> None:
    await Worker().run(link_fd)


def main() -> None:
    """Started by the supervisor only."""
    parser = argparse.ArgumentParser(prog="tollhouse-worker", description="Started by tollhouse-dataplane.")
    parser.add_argument("--link-fd", type=int, required=True)
    arguments = parser.parse_args()
    set_up_logs("info", "worker")
    # Loaded now, so that no request and no heartbeat has to wait for it.
    registry.plugin_classes()
    registry.protocol_list()
    registry.provider_types()
    uvloop.run(_run(arguments.link_fd), loop_factory=GuardedLoop)
    sys.exit(0)


def _until_a_day_begins() -> float:
    """Seconds until prices may begin that are known already; at most so many as a clock that jumps may cost."""
    return min(PRICES_LOOK_S, 86400 - time.time() % 86400 + 0.001)


if __name__ == "__main__":
    main()
