"""Runs the day twice and prints the table: ``make before-after``."""

from __future__ import annotations

import argparse
import json
import logging
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.before_after.figures import Figures, figures
from benchmarks.before_after.report import picture, reached, table
from benchmarks.before_after.runs import Run, with_gateway, without
from benchmarks.before_after.scenario import Scenario
from benchmarks.before_after.virtual_time import run

RESULTS = Path(__file__).parents[1] / "results"


def main() -> int:
    """0 when every goal is reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.before_after", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, help="calls per agent and day")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where picture and figures go")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    scenario = Scenario(calls_per_agent=options.calls, seed=options.seed)
    before, after = _timed("without", run, without(scenario)), _timed("with", run, with_gateway(scenario))
    print("\n" + table(before, after, scenario) + "\n")
    goals = reached(after)
    for name, good in goals:
        print(f"{'reached    ' if good else 'NOT REACHED'}  {name}")
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "before-after.local.svg").write_text(picture(before, after))
    (options.folder / "before-after.local.json").write_text(
        json.dumps([asdict(before), asdict(after)], indent=1) + "\n"
    )
    print(f"\nwritten to {options.folder} (before-after.local.svg and .json)")
    return 0 if all(good for _, good in goals) else 1


def _timed(name: str, runner: object, work: object) -> Figures:
    began = time.perf_counter()
    done: Run = runner(work)  # type: ignore[operator]
    told = figures(done)
    took = time.perf_counter() - began
    print(f"{name} the gateway: {len(done.calls):,} calls in {took:.1f} s of real time", flush=True)
    return told


if __name__ == "__main__":
    raise SystemExit(main())
