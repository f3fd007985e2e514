"""Keeps N workers running: starts them, replaces the dead and the stuck, drains them at the end."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable

from tollhouse.dataplane.runtime.link.messages import Start
from tollhouse.dataplane.runtime.node.worker_process import Owner, WorkerProcess

log = logging.getLogger("tollhouse.supervisor")

STEADY_S = 10.0
"""A worker that lived this long was sound: its successor starts at once."""

LONGEST_PAUSE_S = 5.0
WATCH_EVERY_S = 0.5


class Crew:
    """The workers of a node."""

    def __init__(
        self,
        size: int,
        owner: Owner,
        start: Callable[[int], Start],
        *,
        heartbeat_timeout_s: float,
        on_gone: Callable[[WorkerProcess], None],
    ) -> None:
        self.size = size
        self.restarts = 0
        self._owner = owner
        self._start = start
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._on_gone = on_gone
        self._serials = itertools.count(1)
        self._workers: dict[int, WorkerProcess] = {}
        self._stopping = False
        self._keepers: list[asyncio.Task[None]] = []

    def hire(self) -> None:
        """Start all workers, and go on replacing them."""
        loop = asyncio.get_running_loop()
        for index in range(self.size):
            self._keepers.append(loop.create_task(self._keep(index), name=f"worker {index}"))
        self._keepers.append(loop.create_task(self._watch(), name="watch workers"))

    @property
    def workers(self) -> list[WorkerProcess]:
        """Those that run now, in order of index."""
        return [self._workers[index] for index in sorted(self._workers)]

    @property
    def serving(self) -> list[WorkerProcess]:
        """Those that take traffic."""
        return [worker for worker in self.workers if worker.serving]

    def broadcast(self, frame: bytes) -> None:
        """Send a frame to every worker that has been given the configuration so far."""
        for worker in self._workers.values():
            if worker.ready and worker.link is not None:
                worker.link.send_frame(frame)

    async def drain(self, limit_s: float) -> bool:
        """Let running replies finish, then end. Whether all workers ended by themselves."""
        self._stopping = True
        for worker in self.workers:
            worker.drain(limit_s)
        keepers = [task for task in self._keepers if not task.done() and task.get_name() != "watch workers"]
        pending: set[asyncio.Task[None]] = set()
        if keepers:
            # A little above the workers' own limit: they end themselves, and say what they counted.
            _, pending = await asyncio.wait(keepers, timeout=limit_s + 2.0)
        await self.kill()
        return not pending

    async def kill(self) -> None:
        """End what still runs, at once."""
        self._stopping = True
        for worker in self.workers:
            worker.kill()
        running = [task for task in self._keepers if task.get_name() != "watch workers"]
        if running:
            await asyncio.wait(running, timeout=5)
        for task in self._keepers:
            task.cancel()

    async def _keep(self, index: int) -> None:
        failures = 0
        while not self._stopping:
            worker = WorkerProcess(next(self._serials), index, self._owner, self._start)
            self._workers[index] = worker
            try:
                await worker.spawn()
                status = await worker.wait()
            except OSError as error:
                log.error("worker not started: %s", error, extra={"worker": index})
                status = -1
            lived_s = time.monotonic() - worker.started_s
            del self._workers[index]
            self._on_gone(worker)
            if self._stopping:
                return
            self.restarts += 1
            failures = 0 if lived_s >= STEADY_S else failures + 1
            pause_s = min(LONGEST_PAUSE_S, 0.05 * 2 ** max(0, failures - 1))
            log.error(
                "worker ended, starting another",
                extra={"worker": index, "worker_pid": worker.pid, "status": status, "pause_s": pause_s},
            )
            await asyncio.sleep(pause_s)

    async def _watch(self) -> None:
        """Replace workers whose loop does not turn any more."""
        looked_s = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            now = time.monotonic()
            if now - looked_s > 4 * WATCH_EVERY_S:
                # This process itself was held up (a suspended machine, say): what the workers said is unread yet.
                looked_s = now
                continue
            looked_s = now
            for worker in self.workers:
                silent_s = worker.silent_for(now)
                if silent_s > self._heartbeat_timeout_s:
                    log.error(
                        "worker does not answer, killed",
                        extra={"worker": worker.index, "worker_pid": worker.pid, "silent_s": round(silent_s, 1)},
                    )
                    worker.kill()
