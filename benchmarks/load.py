"""Runs the load generator and reads what it tells."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.machine import OTHER_CORE, cpu_s, waited_s

HERE = Path(__file__).parent
BUILD = HERE / "build"

Mode = Literal["closed", "rate", "streams", "idle"]


class Told(msgspec.Struct):
    """What a run of the load generator tells."""

    requests: int
    failed: int
    not_200: int
    events: int
    seconds: float
    p50_us: float
    p99_us: float
    first_byte_p50_us: float
    first_byte_p99_us: float
    cpu_s: float = 0.0
    """CPU seconds the gateway spent meanwhile."""
    waited_s: float = 0.0
    """Seconds it waited meanwhile for a core that others used."""


def build() -> None:
    """Compile the fake provider and the load generator. Needs a C compiler."""
    if shutil.which("cc") is None:
        sys.exit("The fake provider and the load generator are written in C; no compiler was found as 'cc'.")
    BUILD.mkdir(exist_ok=True)
    for name in ("provider", "load"):
        source, program = HERE / "native" / f"{name}.c", BUILD / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-Wall", "-o", str(program), str(source)], check=True)


def run(mode: Mode, port: int, number: int, seconds: float, request: Path, gateway_pid: int) -> Told:
    """One run against a gateway, and the CPU time the gateway took for it."""
    command = ["taskset", "-c", str(OTHER_CORE), str(BUILD / "load")]
    command += [mode, str(port), str(number), str(seconds), str(request)]
    before, waited = cpu_s(gateway_pid), waited_s(gateway_pid)
    output = subprocess.run(command, check=True, capture_output=True, timeout=seconds + 30).stdout
    told = msgspec.json.decode(output, type=Told)
    told.cpu_s = cpu_s(gateway_pid) - before
    told.waited_s = waited_s(gateway_pid) - waited
    return told


def start(mode: Mode, port: int, number: int, seconds: float, request: Path) -> subprocess.Popen[bytes]:
    """A run that goes on beside us."""
    command = ["taskset", "-c", str(OTHER_CORE), str(BUILD / "load"), mode, str(port), str(number), str(seconds)]
    return subprocess.Popen([*command, str(request)], stdout=subprocess.DEVNULL)
