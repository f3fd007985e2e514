"""One worker as the supervisor sees it: a child process, the link to it, and what it last said."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from tollhouse.dataplane.runtime.link.link import Link
from tollhouse.dataplane.runtime.link.messages import Applied, Drain, Heartbeat, Hello, Message, Start

log = logging.getLogger("tollhouse.supervisor")

START_TIMEOUT_S = 60.0
"""How long an interpreter may take to start and load the code on a busy machine."""

WORKER_MODULE = "tollhouse.dataplane.runtime.worker.worker"


class Owner(Protocol):
    """What a worker process tells its supervisor."""

    def worker_ready(self, worker: WorkerProcess) -> None:
        """It said hello and was told to start: give it the configuration."""

    def worker_applied(self, worker: WorkerProcess) -> None: ...

    def worker_told(self, worker: WorkerProcess, message: Message) -> None: ...

    def worker_asked(self, worker: WorkerProcess, message: Message) -> Message | Awaitable[Message]: ...


class WorkerProcess:
    """Lives from ``spawn`` to ``wait``; a restarted worker is another object with another ``serial``."""

    def __init__(self, serial: int, index: int, owner: Owner, start: Callable[[int], Start]) -> None:
        self.serial = serial
        self.index = index
        self.pid = 0
        self.started_s = time.monotonic()
        self.heard_s = self.started_s
        self.ready = False
        self.applied: Applied | None = None
        self.exchanges = 0
        self.draining = False
        self.link: Link | None = None
        self._owner = owner
        self._start = start
        self._process: asyncio.subprocess.Process | None = None
        self._drain_limit_s: float | None = None
        self._doomed = False

    @property
    def serving(self) -> bool:
        """It has a configuration and takes traffic."""
        return self.applied is not None and not self.draining and self.link is not None and not self.link.lost

    async def spawn(self) -> None:
        """Start the process and connect the link."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", WORKER_MODULE, "--link-fd", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
            )
        self.pid = self._process.pid
        loop = asyncio.get_running_loop()
        _, self.link = await loop.create_unix_connection(lambda: Link(self._told, self._asked, self._lost), sock=ours)
        log.info("worker started", extra={"worker": self.index, "worker_pid": self.pid})
        # What was decided while it was being started.
        if self._doomed:
            self.kill()
        elif self._drain_limit_s is not None:
            self.link.tell(Drain(self._drain_limit_s))

    async def wait(self) -> int:
        """Its exit status, once it is over; negative for a signal."""
        assert self._process is not None
        status = await self._process.wait()
        if self.link is not None:
            self.link.abort()
        return status

    def drain(self, limit_s: float) -> None:
        """Ask it to finish what it does and exit."""
        self.draining = True
        self._drain_limit_s = limit_s
        if self.link is not None:
            self.link.tell(Drain(limit_s))

    def kill(self) -> None:
        """End it at once."""
        self._doomed = True
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def silent_for(self, now: float) -> float:
        """Seconds since its last word; a starting one is given its time."""
        grace = 0.0 if self.ready else START_TIMEOUT_S
        return max(0.0, now - self.heard_s - grace)

    # -- the link

    def _told(self, message: Message) -> None:
        self.heard_s = time.monotonic()
        if isinstance(message, Heartbeat):
            self.exchanges = message.exchanges
        elif isinstance(message, Applied):
            if message.error:
                log.error("worker could not load a batch", extra={"worker": self.index, "error": message.error})
            else:
                self.applied = message
            self._owner.worker_applied(self)
        elif isinstance(message, Hello):
            assert self.link is not None
            self.ready = True
            self.link.tell(self._start(self.index))
            self._owner.worker_ready(self)
        else:
            self._owner.worker_told(self, message)

    def _asked(self, message: Message) -> Message | Awaitable[Message]:
        self.heard_s = time.monotonic()
        return self._owner.worker_asked(self, message)

    def _lost(self) -> None:
        # A worker without a link drains by itself; one that cannot is killed by the watch over silent workers.
        self.draining = True
