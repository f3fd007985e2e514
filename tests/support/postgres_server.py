"""A PostgreSQL server of a test's own, on a free port. It does not run as root."""

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

    def __init__(self, *, durable: bool = False, tls: tuple[Path, Path, Path] | None = None) -> None:
        """``durable``: keeps what it acknowledged over a kill. ``tls``: certificate, key and CA; only clients with a
        certificate of that CA are let in then."""
        self._durable = durable
        self._tls = tls
        self._port = free_ports(1)[0]
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://tollhouse@127.0.0.1:{self._port}/postgres"

    def start(self) -> PostgresServer:
        """Initialise and start it; skips the test where the machine has no PostgreSQL."""
        initdb = _program("initdb")
        if initdb is None or _program("postgres") is None:
            pytest.skip("there is no PostgreSQL on this machine")
        if os.geteuid() == 0:
            os.chown(self._folder, NOBODY, NOBODY)
        command = [initdb, "-D", str(self._data), "-U", "tollhouse", "-A", "trust", "--no-sync"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", preexec_fn=_unprivileged())
        if self._tls is not None:
            self._only_tls(self._tls)
        self.run()
        self.wait()
        return self

    def _only_tls(self, tls: tuple[Path, Path, Path]) -> None:
        settings = ["ssl = on"]
        for file, setting in zip(tls, ("cert", "key", "ca"), strict=True):
            own = self._data / f"tls-{setting}.pem"
            own.write_bytes(file.read_bytes())
            own.chmod(0o600)
            if os.geteuid() == 0:
                os.chown(own, NOBODY, NOBODY)
            settings.append(f"ssl_{setting}_file = '{own}'")
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write("\n".join(settings) + "\n")
        (self._data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def run(self) -> None:
        """Start it (again)."""
        fsync = "fsync=on" if self._durable else "fsync=off"
        options = (fsync, f"unix_socket_directories={self._folder}", "listen_addresses=127.0.0.1")
        flags = [part for option in options for part in ("-c", option)]
        self._process = subprocess.Popen(
            [_program("postgres") or "postgres", "-D", str(self._data), "-p", str(self._port), *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            preexec_fn=_unprivileged(),
        )

    def wait(self) -> None:
        """Until it answers. One that was killed a moment ago may have to be started several times: it waits for its
        own processes to end."""
        ready = _program("pg_isready") or "pg_isready"
        deadline = time.monotonic() + 20
        while subprocess.run([ready, "-q", "-h", "127.0.0.1", "-p", str(self._port)]).returncode:
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            if self._process is not None and self._process.poll() is not None:
                self.run()
            time.sleep(0.05)

    def kill(self) -> None:
        """``kill -9`` of its first process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and delete its files."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


def _program(name: str) -> str | None:
    """Debian keeps the server's programs of each version in a folder of their own, out of the way."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(versions[-1]) if versions else None)


def _unprivileged() -> Callable[[], None] | None:
    if os.geteuid() != 0:
        return None

    def become() -> None:
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    return become
