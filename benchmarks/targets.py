"""What the data plane is to reach, beside what a run measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measure import DIRECT, Figures

Reading = Callable[[Figures], float | None]


@dataclass(frozen=True)
class Target:
    """One line: a figure that must be at most (or at least) so much, and what we aim for."""

    what: str
    read: Reading
    must: float
    aim: float
    unit: str
    at_least: bool = False

    def met(self, value: float) -> str:
        """``aim``, ``must`` or ``no``."""
        sign = -1 if self.at_least else 1
        if sign * value <= sign * self.aim:
            return "aim"
        return "must" if sign * value <= sign * self.must else "no"


def ratio(gateway: str, figure: str) -> Reading:
    """A figure as a multiple of nginx's in the same run."""

    def read(figures: Figures) -> float | None:
        ours, nginx = figures.get(gateway, figure), figures.get("nginx", figure)
        return ours / nginx if ours is not None and nginx else None

    return read


def plain(gateway: str, figure: str, scale: float = 1.0) -> Reading:
    """A figure as it was measured."""

    def read(figures: Figures) -> float | None:
        value = figures.get(gateway, figure)
        return None if value is None else value * scale

    return read


def added(gateway: str, figure: str) -> Reading:
    """Milliseconds more than the provider takes when it is asked without a gateway."""

    def read(figures: Figures) -> float | None:
        ours, direct = figures.get(gateway, figure), figures.get(DIRECT, figure)
        return None if ours is None or direct is None else (ours - direct) / 1000

    return read


TARGETS = (
    Target("bare, 2 KB", ratio("bare", "cpu_us_2k"), 6, 3.5, "x"),
    Target("features, 2 KB", ratio("features", "cpu_us_2k"), 12, 6, "x"),
    Target("features, 200 KB prompt", plain("features", "cpu_us_200k", 1e-3), 2, 1, "ms"),
    Target("translate, 2 KB", ratio("translate", "cpu_us_2k"), 16, 9, "x"),
    Target("stream, features, per event", ratio("features", "cpu_us_event_2k"), 2.5, 1.4, "x"),
    Target("added latency p50, features", added("features", "p50_us"), 1.0, 0.5, "ms"),
    Target("added latency p99, features", added("features", "p99_us"), 3.0, 1.5, "ms"),
    Target("50-ms streams on one core, features", plain("features", "most_streams"), 1200, 2500, "", at_least=True),
    Target("memory per worker after load", plain("features", "memory_after_mb"), 150, 80, "MB"),
)


def show(figures: Figures) -> None:
    """Print the table; what this run did not measure is left out."""
    read = [(target, target.read(figures)) for target in TARGETS]
    if all(value is None for _, value in read):
        return
    print(f"\n{'target':<38}{'measured':>12}{'must':>10}{'aim':>10}   met")
    for target, value in read:
        if value is not None:
            numbers = "".join(
                f"{f'{number:,.4g} {target.unit}':>{width}}"
                for number, width in ((value, 12), (target.must, 10), (target.aim, 10))
            )
            print(f"{target.what:<38}{numbers}   {target.met(value)}")
