"""A real Redis for tests: on a free port, to be killed and frozen."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.etcd_server import free_ports


class RedisServer:
    """One server without persistence. Its port stays the same over kills and restarts."""

    def __init__(self, *extra: str) -> None:
        """``extra``: further options, and a configuration file (``.conf``)."""
        self.port = free_ports(1)[0]
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        """Start it, and wait until it answers."""
        binary = shutil.which("redis-server")
        if binary is None:
            pytest.fail("there is no redis-server on the PATH")
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        file = [one for one in self._extra if one.endswith(".conf")]
        more = [one for one in self._extra if one not in file]
        self._process = subprocess.Popen(
            [binary, *file, *options, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(16):
                        return self
            except OSError:
                time.sleep(0.01)
        pytest.fail("redis-server did not start")

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def freeze(self) -> None:
        """``SIGSTOP``: it keeps its connections and says nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """``SIGCONT``."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running Redis of the test's own."""
    server = RedisServer().start()
    yield server
    server.kill()
