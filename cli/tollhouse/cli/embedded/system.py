"""The embedded system as a whole: its parts started in order, kept alive, and stopped in the reverse order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
from tollhouse.cli.client import Connection
from tollhouse.cli.embedded.child import Child, Command
from tollhouse.cli.embedded.plan import Plan
from tollhouse.cli.failure import Failure

Probe = Callable[[aiohttp.ClientSession], Awaitable[bool]]


class System:
    """Runs a plan. ``tell`` gets one line per event worth a person's attention."""

    def __init__(self, plan: Plan, tell: Callable[[str], None]) -> None:
        self.plan = plan
        self.children: list[Child] = []
        self._tell = tell

    async def start(self, progress: Callable[[str], None]) -> None:
        """Start every part and wait until each answers. Raises Failure with the log's end of one that does not."""
        ports = self.plan.ports
        async with aiohttp.ClientSession() as http:
            progress("etcd")
            await self._start(self.plan.etcd(), http, _answers(f"http://127.0.0.1:{ports.etcd}/health", 200))
            for command in self.plan.simulators():
                await self._spawn(command)
            progress("control plane")
            await self._start(self.plan.control_plane(), http, _answers(f"http://127.0.0.1:{ports.admin}/", None))
            progress("data plane")
            await self._start(self.plan.data_plane(), http, _answers(f"http://127.0.0.1:{ports.http}/", None))

    async def stop(self) -> None:
        """Stop every part, those that serve agents first."""
        for child in reversed(self.children):
            await child.stop()

    async def apply(self) -> int:
        """Load the demo's documents; returns the revision at which every node serves them."""
        return await asyncio.to_thread(self._apply)

    def connection(self) -> Connection:
        """The way to this system's control plane."""
        state = self.plan.state
        return Connection(f"127.0.0.1:{self.plan.ports.admin_grpc}", state.admin_key, state.folder)

    def _apply(self) -> int:
        from tollhouse.proto.admin.v1 import config_pb2

        documents = [config_pb2.Document(name=name, content=text) for name, text in self.plan.documents()]
        with self.connection().config() as config:
            answer = config.Apply(config_pb2.ApplyRequest(documents=documents))
            errors = [problem for problem in answer.problems if problem.severity == "error"]
            if errors:
                raise Failure(f"the demo's configuration is refused: {errors[0].where}: {errors[0].what}")
            key = config_pb2.PutRequest(kind="credentials", id="demo-agent/demo", value_json=self._credential())
            revision = int(config.Put(key).revision)
            config.WaitLive(config_pb2.WaitLiveRequest(revision=revision, timeout_ms=15000))
        return revision

    def _credential(self) -> bytes:
        import json

        return json.dumps({"plugins": {"key-auth": {"key": self.plan.state.demo_key}}}).encode()

    async def _spawn(self, command: Command) -> Child:
        log = self.plan.state.logs / (command.name.replace(" ", "-") + ".log")
        child = Child(command, log, self._tell)
        self.children.append(child)
        await child.start()
        return child

    async def _start(
        self, command: Command, http: aiohttp.ClientSession, ready: Probe, timeout_s: float = 30.0
    ) -> None:
        child = await self._spawn(command)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if await ready(http):
                return
            if child.restarts >= 2:
                break
            await asyncio.sleep(0.05)
        raise Failure(f"the {command.name} does not start. The end of {child.log}:\n{child.last_words()}")


def _answers(url: str, status: int | None) -> Probe:
    async def probe(http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(url, timeout=aiohttp.ClientTimeout(total=2)) as reply:
                return status is None or reply.status == status
        except (aiohttp.ClientError, TimeoutError):
            return False

    return probe
