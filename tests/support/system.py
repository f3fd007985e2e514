"""A whole system of real processes on free ports: etcd, a control plane, nodes with two workers, and simulators."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tollhouse.cli.simulator import Simulator

from tests.support.etcd_server import EtcdServer, free_ports

ADMIN_KEY = "e2e-admin-key-of-this-run"
SEALING_KEY = "e2e-sealing-key-of-this-run"
KINDS = ("openai", "anthropic", "qwen")


class Simulators:
    """The three simulated providers, in a thread with a loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulators", daemon=True)
        self._thread.start()
        made = [Simulator(kind, cache_min_tokens=64) for kind in KINDS]  # type: ignore[arg-type]
        self.openai, self.anthropic, self.qwen = made
        for simulator in made:
            self.start(simulator)

    def start(self, simulator: Simulator) -> None:
        """Listen (again, on the same port)."""
        asyncio.run_coroutine_threadsafe(simulator.start(), self._loop).result(10)

    def stop(self, simulator: Simulator) -> None:
        """Do not listen any more: connections are refused."""
        asyncio.run_coroutine_threadsafe(simulator.stop(), self._loop).result(10)

    def reset(self) -> None:
        """All healthy, their logs empty."""
        for simulator in (self.openai, self.anthropic, self.qwen):
            simulator.simulate()
            simulator.log.clear()

    def close(self) -> None:
        """Stop them all."""
        for simulator in (self.openai, self.anthropic, self.qwen):
            self.stop(simulator)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


class Process:
    """One process of the system. ``kill`` and ``start`` again keep its ports and its state."""

    def __init__(self, folder: Path, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; ``wait_for`` tells when it answers."""
        with self.log.open("ab") as log:
            environment = {**os.environ, **self.environment}
            self._process = subprocess.Popen(
                self.command, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def kill(self) -> None:
        """``kill -9`` of this process only."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self, timeout_s: float = 20) -> int:
        """SIGTERM; returns the exit status. Kills it after the timeout."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._process = None
        return status

    def join(self, timeout_s: float = 20) -> int:
        """Wait until it ends by itself; returns the exit status."""
        assert self._process is not None
        status = self._process.wait(timeout_s)
        self._process = None
        return status

    def said(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


class Node(Process):
    """A data-plane node with two workers."""

    def __init__(
        self, folder: Path, name: str, source: list[str], simulators: Simulators, control_plane: str = ""
    ) -> None:
        self.http, self.control, self.grpc = free_ports(3)
        self.url = f"http://127.0.0.1:{self.http}"
        self.state_dir = folder / name
        command = [
            *(sys.executable, "-m", "tollhouse.dataplane", *source, "--workers", "2", "--node-id", name),
            *("--http-listen", f"127.0.0.1:{self.http}", "--https-listen", ""),
            *("--control-listen", f"127.0.0.1:{self.control}", "--grpc-listen", f"127.0.0.1:{self.grpc}"),
            *(("--control-plane", control_plane) if control_plane else ()),
            *("--state-dir", str(self.state_dir), "--drain-timeout-s", "5"),
        ]
        environment = {
            "TOLLHOUSE_ADMIN_KEY": ADMIN_KEY,
            "TOLLHOUSE_SEALING_KEY": SEALING_KEY,
            "TOLLHOUSE_ENDPOINT_OPENAI": simulators.openai.url,
            "TOLLHOUSE_ENDPOINT_ANTHROPIC": simulators.anthropic.url,
            "OPENAI_API_KEY": "sk-of-openai",
            "ANTHROPIC_API_KEY": "sk-of-anthropic",
        }
        super().__init__(folder, name, command, environment)

    def wait_ready(self, seconds: float = 30) -> None:
        """Until its workers answer on the traffic port."""

        def there() -> bool:
            assert self.alive, f"{self.name} has ended: {self.said()}"
            return status_of(f"{self.url}/") is not None

        wait_for(there, seconds, f"an answer of {self.name}", self.said)

    def workers(self) -> list[int]:
        """Process ids of the node's workers."""
        import psutil

        return [child.pid for child in psutil.Process(self.pid).children() if child.is_running()]


class System:
    """The system; fixtures make it. ``nodes`` may be added while it runs."""

    def __init__(self, folder: Path, *, durable: bool = False, ledger: str = "") -> None:
        """``durable``: etcd keeps what it acknowledged over a kill. ``ledger``: where, instead of in a file."""
        self.folder = folder
        self.simulators = Simulators()
        self.etcd = EtcdServer(folder, extra=("--max-txn-ops", "10000"), durable=durable)
        self.admin, self.admin_grpc = free_ports(2)
        self.admin_url = f"http://127.0.0.1:{self.admin}/apisix/admin"
        self.server = f"127.0.0.1:{self.admin_grpc}"
        command = [
            *(sys.executable, "-m", "tollhouse.controlplane", "--etcd", self.etcd.address),
            *("--admin-listen", f"127.0.0.1:{self.admin}", "--grpc-listen", self.server),
            *("--ledger", ledger or str(folder / "ledger.sqlite")),
        ]
        secrets = {"TOLLHOUSE_ADMIN_KEY": ADMIN_KEY, "TOLLHOUSE_SEALING_KEY": SEALING_KEY}
        self.control_plane = Process(folder, "controlplane", command, secrets)
        self.nodes: list[Node] = []

    def start(self, nodes: int = 1) -> System:
        """Start everything and wait until it answers."""
        self.etcd.start()
        self.control_plane.start()
        for _ in range(nodes):
            self.add_node(wait=False)
        self.wait_control_plane()
        for node in self.nodes:
            node.wait_ready()
        return self

    def add_node(
        self, *, wait: bool = True, source: list[str] | None = None, environment: dict[str, str] | None = None
    ) -> Node:
        """One more node on the same etcd."""
        name = f"node-{len(self.nodes) + 1}"
        node = Node(self.folder, name, source or ["--etcd", self.etcd.address], self.simulators, self.server)
        node.environment |= environment or {}
        node.start()
        self.nodes.append(node)
        if wait:
            node.wait_ready()
        return node

    @property
    def node(self) -> Node:
        """The first node."""
        return self.nodes[0]

    def wait_control_plane(self) -> None:
        """Until the Admin API answers."""
        said = self.control_plane.said

        def there() -> bool:
            assert self.control_plane.alive, f"the control plane has ended: {said()}"
            return status_of(f"{self.admin_url}/routes") == 200

        wait_for(there, 30, "an answer of the control plane", said)

    def close(self) -> None:
        """Stop everything."""
        for node in self.nodes:
            node.stop(8)
        self.control_plane.stop(5)
        self.etcd.kill()
        self.simulators.close()

    # -- what tests do with it

    def ctl(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run gatewayctl against it."""
        environment = {**os.environ, "TOLLHOUSE_ADMIN_KEY": ADMIN_KEY, "TOLLHOUSE_SERVER": self.server}
        command = [sys.executable, "-m", "tollhouse.cli.main", "--state-dir", str(self.folder / "none"), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, timeout=60)
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def admin_call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A call of the REST Admin API: status and document."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.admin_url}/{path}", data, {"x-api-key": ADMIN_KEY}, method=method)
        try:
            with urlopen(request, timeout=10) as reply:
                return reply.status, json.loads(reply.read() or b"null")
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def put(self, path: str, body: Any) -> int:
        """PUT an object and wait until every node serves it; returns the revision."""
        status, document = self.admin_call("PUT", path, body)
        assert status in (200, 201), document
        return self.wait_live()

    def wait_live(self) -> int:
        """Until every node serves everything written so far; returns the revision."""
        from tollhouse.cli.client import Connection
        from tollhouse.proto.admin.v1 import config_pb2

        connection = Connection(self.server, ADMIN_KEY)
        with connection.fleet() as fleet:
            revision = int(fleet.ListNodes(config_pb2.ListNodesRequest()).revision)
        with connection.config() as config:
            answer = config.WaitLive(config_pb2.WaitLiveRequest(revision=revision, timeout_ms=15000))
        assert answer.live, f"not live: {list(answer.laggards)}\n{self.node.said()}"
        return revision

    def chat(self, body: dict[str, Any], *, node: Node | None = None, **headers: str) -> Answer:
        """POST /v1/chat/completions as the tutorial's curl does."""
        url = f"{(node or self.node).url}/v1/chat/completions"
        sent = {"content-type": "application/json", "authorization": "Bearer sk-test-key"}
        return call(url, body, sent | {name.replace("_", "-"): value for name, value in headers.items()})


class Answer:
    """A reply: status, headers (lower-case), text, and how long it took."""

    def __init__(self, status: int, headers: dict[str, str], text: str, seconds: float) -> None:
        self.status, self.headers, self.text, self.seconds = status, headers, text, seconds

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)

    def __repr__(self) -> str:
        return f"<{self.status} {self.headers} {self.text[:2000]}>"


def call(url: str, body: Any = None, headers: dict[str, str] | None = None, method: str = "") -> Answer:
    """One HTTP call."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(url, data, headers or {}, method=method or ("GET" if data is None else "POST"))
    begun = time.perf_counter()
    try:
        with urlopen(request, timeout=30) as reply:
            text, status, sent = reply.read().decode(), reply.status, reply.headers
    except HTTPError as error:
        text, status, sent = error.read().decode(), error.code, error.headers
    return Answer(status, {name.lower(): value for name, value in sent.items()}, text, time.perf_counter() - begun)


def status_of(url: str) -> int | None:
    """The status a GET with the admin key has, None when nobody answers."""
    try:
        return call(url, headers={"x-api-key": ADMIN_KEY}).status
    except (URLError, OSError):
        return None


def wait_for(true: Callable[[], Any], seconds: float, what: str, said: Callable[[], str] = str) -> None:
    """Until a condition holds; fails with what was waited for, and what the process said meanwhile."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} {said()}"
        time.sleep(0.05)
