"""Measures the gateways against nginx, in interleaved rounds, and prints ratios.

Wants nginx, a C compiler, and two cores nobody else uses for about ten minutes.

Usage: python -m benchmarks [--profiles nginx,floor,bare,features,translate,ledger,scale] [--rounds 3] [--seconds 2] ...
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import gateways, load, machine, measure, report, requests, targets

GATEWAYS = ("nginx", "floor", "bare", "features", "translate", "ledger")
SCALE = "scale"
"""The profile of a large configuration: in one process, then on a live node."""


def main() -> None:
    """Start everything, measure, print, write."""
    options = _options()
    names = [name for name in options.profiles if name != SCALE]
    if names:
        _measure(options, names)
    if SCALE in options.profiles:
        for module in ("scale", "live_changes"):
            subprocess.run([sys.executable, "-m", f"benchmarks.{module}"], check=True)


def _measure(options: argparse.Namespace, names: list[str]) -> None:
    load.build()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        provider = gateways.start_provider(folder, load.BUILD / "provider")
        stack.callback(provider.stop)
        running = []
        figures = measure.Figures()
        for name in names:
            try:
                gateway = gateways.start(name, folder, provider.port)
            except RuntimeError as error:
                print(f"{name} did not start: {error}")
                continue
            stack.callback(gateway.stop)
            running.append(gateway)
            figures.add(name, "memory_start_mb", machine.memory_mb(gateway.process.pid))
        plain, streamed = _requests(folder, options.sizes)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", flush=True)
            for gateway in running:
                measure.plain(figures, gateway, plain, options.seconds)
                measure.streamed(figures, gateway, streamed, options.seconds)
            for name, gateway in ((measure.DIRECT, provider), *((one.name, one) for one in running)):
                measure.latency(figures, name, gateway, plain["2k"], options.seconds)
                measure.first_event(figures, name, gateway, streamed)
        for gateway in running:
            measure.memory(figures, gateway, plain["2k"], streamed["pace-2k"])
        for gateway in running:
            if gateway.name in options.streams:
                measure.most_streams(figures, gateway, streamed["pace-2k"])
                measure.memory_after_overload(figures, gateway)
    report.show(figures, [measure.DIRECT, *names])
    targets.show(figures)
    report.write(figures, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "--profiles", type=lambda text: text.split(","), default=[*GATEWAYS, SCALE], help="what is measured"
    )
    parser.add_argument("--sizes", type=lambda text: text.split(","), default=["2k", "200k"], help="prompt sizes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument(
        "--streams",
        type=lambda text: text.split(","),
        default=["features"],
        help="profiles whose most concurrent streams are looked for (half a minute each)",
    )
    parser.add_argument("--output", default="", help="name of the JSON file under benchmarks/results/")
    return parser.parse_args()


def _requests(folder: Path, sizes: list[str]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Plain ones by size, and streamed ones: ``pace-`` runs for three seconds, ``short-`` is for its first event."""
    plain, streamed = {}, {}
    for size in sorted({"2k", *sizes}):
        length = _bytes(size)
        plain[size] = requests.write(folder, f"plain-{size}", requests.chat_body(length, stream=False))
        for name, pace_ms, events in (("pace", 50, 60), ("short", 10, 5)):
            body = requests.chat_body(length, stream=True, pace_ms=pace_ms, events=events)
            streamed[f"{name}-{size}"] = requests.write(folder, f"{name}-{size}", body)
    return plain, streamed


def _bytes(size: str) -> int:
    return int(size.removesuffix("k")) * 1000


if __name__ == "__main__":
    main()
