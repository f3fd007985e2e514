"""A real data-plane node for tests: a supervisor process with its workers, on free ports."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import psutil
import pytest


class Node:
    """Started on a folder of its own; ``kill`` it at the end."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.folder = folder
        self.log = folder / "node.log"
        self._arguments = arguments
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None
        self.addresses: dict[str, Any] = {}

    def start(self) -> Node:
        """Start it, without waiting."""
        state = self.folder / "state"
        (state / "addresses.json").unlink(missing_ok=True)
        listen = ["--http-listen", "127.0.0.1:0", "--https-listen", ""]
        listen += ["--control-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"]
        command = [sys.executable, "-m", "tollhouse.dataplane", "--state-dir", str(state), *listen, *self._arguments]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **self._environ})
        return self

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def workers(self) -> list[psutil.Process]:
        """The worker processes that run now."""
        return [child for child in psutil.Process(self.pid).children() if child.status() != psutil.STATUS_ZOMBIE]

    async def ready(self, seconds: float = 30) -> Node:
        """Wait until all workers serve."""
        path = self.folder / "state" / "addresses.json"
        await self.until(path.exists, seconds)
        self.addresses = json.loads(path.read_text())

        async def all_serve() -> bool:
            status, told = await self.readiness()
            return status == 200 and told["workers"]["serving"] == told["workers"]["wanted"]

        await self.until(all_serve, seconds)
        return self

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        """What ``/readyz`` answers; status 0 when nobody answers."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self.control("/readyz")) as answer:
                return answer.status, await answer.json()
        except aiohttp.ClientError:
            return 0, {"workers": {"serving": -1, "wanted": 0}}

    async def metrics(self) -> str:
        """The node's metrics as text."""
        async with aiohttp.ClientSession() as session, session.get(self.control("/metrics")) as answer:
            assert answer.status == 200
            return await answer.text()

    def control(self, path: str) -> str:
        """An address on the control port."""
        return f"http://{self.addresses['control']}{path}"

    def http(self, path: str) -> str:
        """An address on the traffic port."""
        return f"http://{self.addresses['http']}{path}"

    async def until(self, holds: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
        """Wait until something holds; the test fails when it does not or the node ends."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = holds()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            if self._process is not None and self._process.poll() is not None:
                pytest.fail(f"the node ended with {self._process.returncode}:\n{self.log.read_text()[-3000:]}")
            await asyncio.sleep(0.02)
        pytest.fail(f"it did not come to hold in {seconds} s:\n{self.log.read_text()[-3000:]}")

    def terminate(self) -> None:
        """``SIGTERM``."""
        assert self._process is not None
        self._process.terminate()

    async def ended(self, seconds: float = 20) -> int:
        """Its exit status, once it has ended."""
        assert self._process is not None
        return await asyncio.wait_for(asyncio.to_thread(self._process.wait), seconds)

    def kill(self) -> None:
        """``kill -9`` the supervisor and what is left of its workers."""
        if self._process is None or self._process.poll() is not None:
            return
        workers = self.workers
        self._process.kill()
        self._process.wait()
        for worker in workers:
            if worker.is_running():
                worker.send_signal(signal.SIGKILL)


@pytest.fixture
async def upstream() -> AsyncIterator[str]:
    """``host:port`` of a server: ``/hello`` answers at once, ``/slow`` streams ten pieces over a second."""

    async def hello(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="hello")

    async def slow(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        response = aiohttp.web.StreamResponse()
        await response.prepare(request)
        for number in range(10):
            await response.write(f"piece {number}\n".encode())
            await asyncio.sleep(0.1)
        await response.write_eof()
        return response

    app = aiohttp.web.Application()
    app.router.add_get("/hello", hello)
    app.router.add_get("/slow", slow)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield "{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()
