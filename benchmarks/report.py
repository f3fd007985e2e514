"""The table people read and the JSON that stays."""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

from benchmarks.measure import Figures

RESULTS = Path(__file__).parent / "results"

_ROWS = (
    ("cpu_us_2k", "CPU us per request, 2 KB", True),
    ("cpu_us_200k", "CPU us per request, 200 KB", True),
    ("rps_2k", "requests/s on one core, 2 KB", False),
    ("cpu_us_event", "CPU us per stream event", True),
    ("p50_us", "latency p50 us at 100 rps", False),
    ("p99_us", "latency p99 us at 100 rps", False),
    ("first_event_p50_us", "first event p50 us", False),
    ("most_streams", "50-ms streams keeping pace", False),
    ("streams_by_cpu", "50-ms streams a core carries", False),
    ("memory_start_mb", "memory MB, idle", False),
    ("memory_after_mb", "memory MB, after load", False),
    ("memory_overload_mb", "memory MB, after overload", False),
    ("memory_connection_kb", "memory KB per idle connection", False),
    ("memory_stream_kb", "memory KB per stream", False),
    ("disturbed_percent", "% of time others had the core", False),
)


def show(figures: Figures, names: list[str]) -> None:
    """Print the table; figures with a ratio to nginx have it in brackets."""
    width = max(14, *(len(name) + 2 for name in names))
    print("\n" + "".ljust(34) + "".join(name.rjust(width) for name in names))
    for figure, text, ratio in _ROWS:
        cells = [_cell(figures, name, figure, ratio) for name in names]
        if any(cells):
            print(text.ljust(34) + "".join(cell.rjust(width) for cell in cells))


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


def _cell(figures: Figures, name: str, figure: str, ratio: bool) -> str:
    value = figures.get(name, figure)
    if value is None:
        return ""
    nginx = figures.get("nginx", figure)
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return f"{shown} ({value / nginx:.1f}x)" if ratio and nginx and name != "nginx" else shown
