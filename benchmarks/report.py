"""The table people read and the JSON that stays."""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

from benchmarks.measure import DIRECT, Figures

RESULTS = Path(__file__).parent / "results"

_ROWS = (
    ("cpu_us_2k", "CPU us per request, 2 KB", "ratio"),
    ("cpu_us_200k", "CPU us per request, 200 KB", "ratio"),
    ("rps_2k", "requests/s on one core, 2 KB", ""),
    ("cpu_us_event_2k", "CPU us per stream event, 2 KB", "ratio"),
    ("cpu_us_event_200k", "CPU us per stream event, 200 KB", "ratio"),
    ("p50_us", "latency p50 us at 100 rps", "added"),
    ("p99_us", "latency p99 us at 100 rps", "added"),
    ("first_event_p50_us_2k", "first event p50 us, 2 KB", "added"),
    ("first_event_p50_us_200k", "first event p50 us, 200 KB", "added"),
    ("most_streams", "50-ms streams keeping pace", ""),
    ("streams_by_cpu", "50-ms streams a core carries", ""),
    ("memory_start_mb", "memory MB, idle", ""),
    ("memory_after_mb", "memory MB, after load", ""),
    ("memory_overload_mb", "memory MB, after overload", ""),
    ("memory_connection_kb", "memory KB per idle connection", ""),
    ("memory_stream_kb", "memory KB per stream", ""),
    ("disturbed_percent", "% of time others had the core", ""),
)
_LEGEND = """
(2.0x): twice nginx's in this run. (+300): 300 more than direct, which is the provider asked without a gateway.
KB: size of the prompt. A stream is 60 events 50 ms apart; its prompt and its end are counted with its events.
floor: our server and client with nothing between them. ledger: features on a node with a control plane.
Above a few % of time that others had the core, the figures say little: run it on an idle machine."""


def show(figures: Figures, names: list[str]) -> None:
    """Print the table; in brackets what a figure is worth: its ratio to nginx's, or what was added to no gateway's."""
    width = max(18, *(len(name) + 2 for name in names))
    print("\n" + "".ljust(34) + "".join(name.rjust(width) for name in names))
    for figure, text, kind in _ROWS:
        cells = [_cell(figures, name, figure, kind) for name in names]
        if any(cells):
            print(text.ljust(34) + "".join(cell.rjust(width) for cell in cells))
    print(_LEGEND)


def write(figures: Figures, options: argparse.Namespace) -> Path:
    """Keep the figures as JSON."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / (options.output or f"{time.strftime('%Y%m%d-%H%M%S')}.local.json")
    told = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "figures": {name: {key: round(value, 3) for key, value in one.items()} for name, one in figures.all().items()},
    }
    path.write_text(json.dumps(told, indent=1) + "\n")
    print(f"\nwritten to {path}")
    return path


def _cell(figures: Figures, name: str, figure: str, kind: str) -> str:
    value = figures.get(name, figure)
    if value is None:
        return ""
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    nginx, direct = figures.get("nginx", figure), figures.get(DIRECT, figure)
    if kind == "ratio" and nginx and name != "nginx":
        return f"{shown} ({value / nginx:.1f}x)"
    if kind == "added" and direct and name != DIRECT:
        return f"{shown} ({value - direct:+,.0f})"
    return shown
