"""A simulated provider as a process of its own: it can be killed and stopped like a real one."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import subprocess
import sys
import time
from typing import Any

from tollhouse.cli.embedded.child import end_with_parent
from tollhouse.cli.failure import UNREACHABLE, Failure
from tollhouse.cli.simulator.log import Entry

ENTRIES = 200_000
_START_S = 60.0
_CONTROL_S = 30.0
_PORTS = range(12_000, 19_000)


class Provider:
    """It keeps its port, however often it dies. ``script`` is what it does when nothing else was asked for."""

    def __init__(self, kind: str, **script: Any) -> None:
        self.kind = kind
        self._script = script
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._past: list[Entry] = []
        """What earlier lives were asked."""

    @property
    def url(self) -> str:
        """Where it listens, without a closing slash."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def alive(self) -> bool:
        """Whether its process runs, be it stopped."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> Provider:
        """Begin (another) life, and wait until it answers."""
        process = self._process = self._spawn()
        until = time.monotonic() + _START_S
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError):
                await self.simulate()
                return self
            await asyncio.sleep(0.05)
        raise Failure(f"the simulator of {self.kind} does not answer", code=UNREACHABLE)

    def _spawn(self) -> subprocess.Popen[bytes]:
        where = ("--listen", f"127.0.0.1:{self._port}", "--log-size", str(ENTRIES))
        command = [sys.executable, "-m", "tollhouse.cli.main", "simulate", self.kind, *where]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent)

    async def kill(self) -> None:
        """As by the kernel: connections break, and nobody listens any more. What it was asked is remembered."""
        self._past += await self._logged()
        self.end()

    def end(self) -> None:
        """Whatever state it is in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def send(self, number: signal.Signals) -> None:
        """A signal, SIGSTOP for one."""
        assert self._process is not None
        self._process.send_signal(number)

    async def simulate(self, **fields: Any) -> None:
        """Behave so from now on, on top of its script."""
        await self._ask("POST", "/_simulate", {**self._script, **fields})

    async def entries(self) -> list[Entry]:
        """Everything it was asked since the last clearing, in all its lives."""
        return [*self._past, *(await self._logged() if self.alive else ())]

    async def clear(self) -> None:
        """Forget what it was asked."""
        self._past = []
        if self.alive:
            await self._ask("DELETE", "/_log")

    async def _logged(self) -> list[Entry]:
        return [Entry(**one) for one in (await self._ask("GET", "/_log"))["entries"]]

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=_CONTROL_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, f"{self.url}{path}", json=body) as reply,
        ):
            told = await reply.json()
            if reply.status != 200:
                raise Failure(f"the simulator of {self.kind} refuses: {told}")
            return told


def _free_port() -> int:
    """Below those the system gives to connections: one of those would take the port while the provider is dead."""
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Failure("no port is free for a simulator", code=UNREACHABLE)
