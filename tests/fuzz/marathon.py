"""Every fuzzing target with many inputs: `make fuzz`, `make fuzz FUZZ="--inputs 100000 --only answers"`.

Hypothesis remembers what it has tried, so one long run grows without bound. Each target is run in pieces, each a
process of its own with a seed of its own and a bound on its memory; what a piece finds it also shrinks and prints.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PLACES = ("tests/fuzz", "tests/dataplane/protocols/test_fuzz.py")
PIECE = 2_000
"""Inputs of one process."""
MEMORY = 2 << 30
"""Bytes of address space one process may have."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """How one piece ended."""

    target: str
    seed: int
    failed: bool
    seconds: float
    peak_mb: int
    said: str


def targets(only: str) -> list[str]:
    """The tests that draw inputs, by their pytest ids."""
    done = _pytest(["--collect-only", *PLACES], 1, 0)
    found = [line for line in done.stdout.splitlines() if "::" in line]
    if not found:
        raise SystemExit(f"pytest found no targets: {done.stdout}{done.stderr}")
    return [
        name
        for name in found
        if re.search(only, name) and not name.partition("::")[2].startswith(("test_both", "test_a_"))
    ]


def _pytest(arguments: list[str], inputs: int, seed: int) -> subprocess.CompletedProcess[str]:
    options = [
        "-o",
        "addopts=",
        "--import-mode=importlib",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--timeout=3600",
        f"--hypothesis-seed={seed}",
    ]
    environment = {**os.environ, "TOLLHOUSE_FUZZ": str(inputs)}
    environment.pop("CI", None)  # there every run draws the same
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def run(target: str, inputs: int, seed: int) -> Ran:
    """One piece of a target."""
    begun = time.monotonic()
    with tempfile.NamedTemporaryFile() as peak:
        done = _pytest([target, "-p", "tests.fuzz.peak", f"--peak-file={peak.name}"], inputs, seed)
        told = peak.read().decode() or "0"
    said = "" if not done.returncode else (done.stdout + done.stderr)[-6000:]
    return Ran(target, seed, done.returncode != 0, time.monotonic() - begun, int(told) >> 10, said)


def pieces(names: list[str], inputs: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """Target, inputs and seed of each piece; the targets take turns, so that an early end has seen something of all."""
    for begin in range(0, inputs, PIECE):
        for name in names:
            yield name, min(PIECE, inputs - begin), seed + begin


def main() -> int:
    """The command line. The exit status: 1 when something was found."""
    flags = argparse.ArgumentParser(description="Feeds every decoder junk, in bounded memory.")
    flags.add_argument("--inputs", type=int, default=20_000, help="per target")
    flags.add_argument("--only", default="", help="targets whose id matches this expression")
    flags.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    flags.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = flags.parse_args()
    names = targets(given.only)
    print(f"{len(names)} targets, {given.inputs:,} inputs each, seed {given.seed}", flush=True)
    totals: dict[str, list[Ran]] = {name: [] for name in names}
    rounds = -(-given.inputs // PIECE)
    with ThreadPoolExecutor(given.jobs) as pool:
        for job in [pool.submit(run, *piece) for piece in pieces(names, given.inputs, given.seed)]:
            ran = job.result()
            totals[ran.target].append(ran)
            if ran.failed:
                print(f"FOUND {ran.target} (--seed {ran.seed})\n{ran.said}", flush=True)
            if len(totals[ran.target]) == rounds:
                _tell(totals[ran.target])
    return 1 if any(one.failed for ran in totals.values() for one in ran) else 0


def _tell(ran: list[Ran]) -> None:
    seconds, peak = sum(one.seconds for one in ran), max(one.peak_mb for one in ran)
    word = "found" if any(one.failed for one in ran) else "ok"
    print(f"{word:6}{seconds:7.0f} s {peak:5} MB  {ran[0].target}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
