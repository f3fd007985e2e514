"""``gatewayctl up --demo``: the one command a newcomer types."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.etcd_server import free_ports
from tests.support.system import wait_for

NAMES = ("http", "https", "admin", "admin-grpc", "control", "node-grpc")


def command(folder: Path, ports: list[int], *more: str) -> list[str]:
    """The command line, on free ports."""
    flags = [part for name, port in zip(NAMES, ports, strict=True) for part in (f"--{name}-port", str(port))]
    return [sys.executable, "-m", "tollhouse.cli.main", "--state-dir", str(folder), "up", "--demo", *flags, *more]


def test_first_answer_ctrl_c_and_the_state_found_again(tmp_path: Path) -> None:
    """It answers a request of its own, tells what to try, ends cleanly on Ctrl-C, and finds its state again."""
    ports = free_ports(len(NAMES))
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    folder = tmp_path / "state"
    output = tmp_path / "output"
    with output.open("w") as file:
        running = subprocess.Popen(command(folder, ports), stdout=file, stderr=file, env=environment)
    try:
        wait_for(
            lambda: "Try next" in output.read_text() or running.poll() is not None, 60, "the summary", output.read_text
        )
        wait_for(lambda: "doctor" in output.read_text(), 10, "the summary's end", output.read_text)
        second = subprocess.run(command(folder, ports), capture_output=True, text=True, env=environment, timeout=30)
        assert second.returncode == 1
        assert "already running" in second.stderr
    finally:
        running.send_signal(signal.SIGINT)
        status = running.wait(40)
    said = output.read_text()
    assert "You wrote: Write a Python function to validate email addresses" in said, said
    assert "route agent-code-generation" in said
    assert "cost $0.0" in said
    assert status == 0
    again = subprocess.run(
        command(folder, ports, "--once"), capture_output=True, text=True, env=environment, timeout=90
    )
    assert again.returncode == 0, again.stderr
    assert "You wrote: Write a Python" in again.stdout
