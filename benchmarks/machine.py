"""What the machine can tell about processes: CPU time, memory, free ports; and how processes are put on a core."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

GATEWAY_CORE = 0
OTHER_CORE = 1 if (os.cpu_count() or 1) > 1 else 0
_TICKS_S = 1.0 / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    command: Sequence[str], core: int, *, log: Path, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process on one core; what it prints goes to ``log``."""
    pinned = ["taskset", "-c", str(core), *command] if shutil.which("taskset") else list(command)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    with log.open("ab") as output:
        return subprocess.Popen(pinned, stdout=output, stderr=output, env={**os.environ, **(environ or {})})


def keep_to(core: int) -> None:
    """This process, and what it starts without saying otherwise, runs on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, limit_s: float = 30.0) -> None:
    """Until somebody listens. Raises RuntimeError with the process's last words when it ends or takes too long."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen on {port}:\n{log.read_text(errors='replace')[-3000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    family = tree(process.pid)
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    for one in family:
        if one.is_running():
            one.kill()
    process.wait()


def tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants."""
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_s(pid: int) -> float:
    """CPU seconds, in and outside the kernel, of a process and its descendants."""
    total = 0
    for one in tree(pid):
        try:
            fields = Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total * _TICKS_S


def waited_s(pid: int) -> float:
    """Seconds the main threads of a process and its descendants were ready to run and another process had the core: on
    a machine of one's own next to nothing."""
    total = 0
    for one in tree(pid):
        try:
            total += int(Path(f"/proc/{one.pid}/schedstat").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total * 1e-9


def memory_mb(pid: int) -> float:
    """Resident memory of the largest process of the tree: the worker (nginx: its worker)."""
    sizes = [one.memory_info().rss for one in tree(pid) if one.is_running()]
    return max(sizes, default=0) / 1e6
