"""What the gateway itself wrote down about the money of a drill: one line per call, with all its attempts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Booked:
    """The attempts of one call."""

    at_s: float
    """Since the epoch."""
    usd: float
    estimated_usd: float
    """The part nobody told: estimated from what was sent and seen."""


def booked(log: Path) -> Iterator[Booked]:
    """Every call in the log of a node."""
    if not log.exists():
        return
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        usd = estimated_usd = 0.0
        for attempt in entry.get("attempts") or ():
            cost = float(attempt.get("cost_usd") or 0)
            usd += cost
            estimated_usd += cost if attempt.get("tokens", {}).get("estimated") else 0.0
        yield Booked(entry["start_time"] / 1000, usd, estimated_usd)
