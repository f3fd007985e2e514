"""A PostgreSQL server of a test's own, on a free port, without durability. It does not run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.etcd_server import free_ports

NOBODY = 65534


class PostgresServer:
    """Started once; ``url`` is where it is."""

    def __init__(self) -> None:
        self._port = free_ports(1)[0]
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://tollhouse@127.0.0.1:{self._port}/postgres"

    def start(self) -> PostgresServer:
        """Initialise and start it; skips the test where the machine has no PostgreSQL."""
        initdb, postgres = shutil.which("initdb"), shutil.which("postgres")
        if initdb is None or postgres is None:
            pytest.skip("there is no PostgreSQL on this machine")
        data = self._folder / "data"
        if os.geteuid() == 0:
            os.chown(self._folder, NOBODY, NOBODY)
        command = [initdb, "-D", str(data), "-U", "tollhouse", "-A", "trust", "--no-sync"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", preexec_fn=_unprivileged())
        options = ("fsync=off", f"unix_socket_directories={self._folder}", "listen_addresses=127.0.0.1")
        flags = [part for option in options for part in ("-c", option)]
        self._process = subprocess.Popen(
            [postgres, "-D", str(data), "-p", str(self._port), *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            preexec_fn=_unprivileged(),
        )
        ready = shutil.which("pg_isready") or "pg_isready"
        deadline = time.monotonic() + 20
        while subprocess.run([ready, "-q", "-h", "127.0.0.1", "-p", str(self._port)]).returncode:
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """End it and delete its files."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


def _unprivileged() -> Callable[[], None] | None:
    if os.geteuid() != 0:
        return None

    def become() -> None:
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    return become
