"""What is measured of a gateway."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from benchmarks import load, machine
from benchmarks.gateways import Gateway

CONNECTIONS = 32
STREAMS = 200
"""Streams at once when the cost of an event is measured."""
HELD = 1200
"""Streams at once when the memory of one is measured: as many as a core is to carry."""
KEEPS_PACE = 0.97
"""Streams keep pace when this share of the events that were due arrived."""
DISTURBED = 0.05
"""A run says nothing when the gateway had to wait for its core, because of others, for more than this share of it."""
TRIES = 3
DIRECT = "direct"
"""The provider asked without a gateway: what the latency of a gateway is added to."""


class Figures:
    """Samples per gateway and figure; what is shown of several is their median."""

    def __init__(self) -> None:
        self._samples: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, gateway: str, figure: str, value: float) -> None:
        """One more sample."""
        self._samples[gateway][figure].append(value)

    def get(self, gateway: str, figure: str) -> float | None:
        """The median, None when it was not measured."""
        samples = self._samples.get(gateway, {}).get(figure)
        return median(samples) if samples else None

    def all(self) -> dict[str, dict[str, float]]:
        """Medians of everything."""
        return {
            name: {figure: median(samples) for figure, samples in figures.items()}
            for name, figures in self._samples.items()
        }


def plain(figures: Figures, gateway: Gateway, requests: dict[str, Path], seconds: float) -> None:
    """CPU per request and throughput, saturated, keep-alive."""
    for size, request in requests.items():
        told = load.run("closed", gateway.port, CONNECTIONS, seconds, request, gateway.process.pid)
        _require(gateway, told)
        figures.add(gateway.name, f"cpu_us_{size}", told.cpu_s / max(told.requests, 1) * 1e6)
        figures.add(gateway.name, f"rps_{size}", told.requests / told.seconds)
        figures.add(gateway.name, "disturbed_percent", told.waited_s / told.seconds * 100)


def streamed(figures: Figures, gateway: Gateway, requests: dict[str, Path], seconds: float) -> None:
    """CPU per event of streams that send one every 50 ms, their beginning (the prompt) and end included."""
    for name, request in requests.items():
        kind, _, size = name.partition("-")
        if kind == "pace":
            told = load.run("streams", gateway.port, STREAMS, max(seconds, 3.0), request, gateway.process.pid)
            _require(gateway, told)
            figures.add(gateway.name, f"cpu_us_event_{size}", told.cpu_s / max(told.events, 1) * 1e6)


def latency(figures: Figures, name: str, gateway: Gateway, request: Path, seconds: float) -> None:
    """Latency at 100 requests a second."""
    told = load.run("rate", gateway.port, 100, max(seconds, 3.0), request, gateway.process.pid)
    _require(gateway, told)
    figures.add(name, "p50_us", told.p50_us)
    figures.add(name, "p99_us", told.p99_us)


def first_event(figures: Figures, name: str, gateway: Gateway, requests: dict[str, Path]) -> None:
    """Time to the first event of a stream, four at once."""
    for key, request in requests.items():
        kind, _, size = key.partition("-")
        if kind == "short":
            told = load.run("streams", gateway.port, 4, 1.0, request, gateway.process.pid)
            figures.add(name, f"first_event_p50_us_{size}", told.first_byte_p50_us)


def most_streams(figures: Figures, gateway: Gateway, request: Path) -> None:
    """The most concurrent streams of 20 events a second that keep pace, within a tenth. Runs in which others had the
    core are made again; where that does not help, the figure is what was proved, and beside it stands how many streams
    the whole core would carry by the CPU they took."""
    low, high = 0, 500
    while _keeps_pace(figures, gateway, high, request) and high < 16_000:
        low, high = high, high * 2
    while high - low > max(high // 10, 50):
        middle = (low + high) // 2
        if _keeps_pace(figures, gateway, middle, request):
            low = middle
        else:
            high = middle
    figures.add(gateway.name, "most_streams", low)


def memory(figures: Figures, gateway: Gateway, request: Path, stream: Path) -> None:
    """Memory per idle connection, per stream while they run, and after all that load."""
    before = machine.memory_mb(gateway.process.pid)
    load_run = load.start("idle", gateway.port, 2000, 2.5, request)
    time.sleep(2.0)
    held = machine.memory_mb(gateway.process.pid)
    load_run.wait()
    figures.add(gateway.name, "memory_connection_kb", max(held - before, 0.0) * 1000 / 2000)
    before = machine.memory_mb(gateway.process.pid)
    load_run = load.start("streams", gateway.port, HELD, 5.0, stream)
    time.sleep(3.5)
    held = machine.memory_mb(gateway.process.pid)
    load_run.wait()
    figures.add(gateway.name, "memory_stream_kb", max(held - before, 0.0) * 1000 / HELD)
    figures.add(gateway.name, "memory_after_mb", machine.memory_mb(gateway.process.pid))


def memory_after_overload(figures: Figures, gateway: Gateway) -> None:
    """What is left of the search for the most streams, which asks for up to twice what a core carries."""
    figures.add(gateway.name, "memory_overload_mb", machine.memory_mb(gateway.process.pid))


def _keeps_pace(figures: Figures, gateway: Gateway, streams: int, request: Path) -> bool:
    seconds = 5.0
    due = streams * (seconds - 0.5) * 20  # they begin spread over the first second
    for _ in range(TRIES):
        told = load.run("streams", gateway.port, streams, seconds, request, gateway.process.pid)
        figures.add(gateway.name, "streams_by_cpu", told.events / max(told.cpu_s, 0.01) / 20)
        disturbed = told.waited_s / seconds
        taken = f"{told.cpu_s / seconds:.0%} of the core taken, {disturbed:.0%} waited for it"
        print(f"  {gateway.name}: {streams} streams, {told.events / due:.0%} of the events, {taken}", flush=True)
        if told.failed == 0 and told.not_200 == 0 and told.events >= due * KEEPS_PACE:
            return True
        if disturbed < DISTURBED:
            break
    return False


def _require(gateway: Gateway, told: load.Told) -> None:
    if told.failed or told.not_200 or not (told.requests or told.events):
        print(f"  {gateway.name}: {told.failed} failed, {told.not_200} not 200, {told.requests} complete", flush=True)
