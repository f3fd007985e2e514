"""One process of the embedded system: started, watched, restarted with growing pauses, stopped."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: after a fork only the call is safe

STEADY_S = 20.0
"""A process that ran so long has earned a quick restart."""


def end_with_parent() -> None:
    """Runs in the child: on Linux it is asked to end when we are gone, however that happened (kill -9 included)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(frozen=True)
class Command:
    """How to start a process."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """A process that is kept alive until ``stop``."""

    def __init__(self, command: Command, log: Path, tell: Callable[[str], None]) -> None:
        self.command = command
        self.log = log
        self.restarts = 0
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start it and keep it alive from now on."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.command.name}")

    async def stop(self, timeout_s: float = 15.0) -> None:
        """Ask it to end, insist after the timeout."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except TimeoutError:
            process.kill()
            await process.wait()

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, for a message about why it does not run."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    async def _spawn(self) -> None:
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches us only, and we stop the parts in order.
            self._process = await asyncio.create_subprocess_exec(
                *self.command.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.command.environment},
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopping:
            process, begun = self._process, time.monotonic()
            status = await process.wait() if process is not None else "not started"
            if self._stopping:
                return
            if time.monotonic() - begun > STEADY_S:
                pause = FIRST_PAUSE_S
            self._tell(f"{self.command.name} ended ({status}), restarting in {pause:g} s; its log: {self.log}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
            self.restarts += 1
            try:
                await self._spawn()
            except OSError as error:
                self._tell(f"{self.command.name} cannot be started: {error}")
                self._process = None
