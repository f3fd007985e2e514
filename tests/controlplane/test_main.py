from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.etcd_server import EtcdServer, free_ports

COMMAND = [sys.executable, "-m", "tollhouse.controlplane"]


def bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TOLLHOUSE_")}


@pytest.fixture
def ports() -> tuple[int, int]:
    rest, grpc = free_ports(2)
    return rest, grpc


def start(etcd: EtcdServer, ports: tuple[int, int], tmp_path: Path, **env: str) -> subprocess.Popen[str]:
    flags = ["--etcd", etcd.endpoint, "--prefix", f"/main-{ports[0]}", "--fleet-prefix", f"/fleet-{ports[0]}"]
    flags += ["--admin-listen", f"127.0.0.1:{ports[0]}", "--grpc-listen", f"127.0.0.1:{ports[1]}"]
    return subprocess.Popen(
        [*COMMAND, *flags],
        env={**bare_environment(), **env},
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "log").open("w"),
        text=True,
    )


def ask(port: int, key: str) -> dict[str, object]:
    for _ in range(200):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/apisix/admin/routes", headers={"X-API-KEY": key})
        try:
            with urllib.request.urlopen(request) as response:
                return dict(json.load(response))
        except ConnectionError:
            time.sleep(0.05)
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            time.sleep(0.05)
    raise AssertionError("the control plane did not start")


def test_random_key_is_printed_once(shared_etcd: EtcdServer, ports: tuple[int, int], tmp_path: Path) -> None:
    """Without a key one is generated, printed on standard output only, and works; SIGTERM ends it with 0."""
    process = start(shared_etcd, ports, tmp_path)
    assert process.stdout is not None
    found = re.search(r": (\S{32,})$", process.stdout.readline().strip())
    assert found
    assert ask(ports[0], found[1]) == {"list": [], "total": 0}
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert found[1] not in (tmp_path / "log").read_text()


def test_starts_without_etcd(tmp_path: Path, ports: tuple[int, int]) -> None:
    """With etcd down it starts, answers 503, and stops cleanly."""
    etcd = EtcdServer(tmp_path)
    process = start(etcd, ports, tmp_path, TOLLHOUSE_ADMIN_KEY="k" * 32)
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(ports[0], "k" * 32)
    assert caught.value.code == 503
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert process.stdout is not None
    assert process.stdout.read() == ""


def test_version() -> None:
    """--version prints the version and ends."""
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"tollhouse-controlplane \d+\.\d+\.\d+\S*\n", done.stdout)


def test_taken_port(shared_etcd: EtcdServer, ports: tuple[int, int], tmp_path: Path) -> None:
    """A taken port ends the start with 1 and a sentence; wrong flags with 2."""
    first = start(shared_etcd, ports, tmp_path, TOLLHOUSE_ADMIN_KEY="k" * 32)
    ask(ports[0], "k" * 32)
    second = start(shared_etcd, ports, tmp_path, TOLLHOUSE_ADMIN_KEY="k" * 32)
    assert second.wait(20) == 1
    assert "address already in use" in (tmp_path / "log").read_text()
    first.terminate()
    assert first.wait(10) == 0
    wrong = subprocess.run(
        [*COMMAND, "--admin-listen", "x"], capture_output=True, text=True, check=False, env=bare_environment()
    )
    assert wrong.returncode == 2
    assert "--admin-listen: expected host:port" in wrong.stderr
