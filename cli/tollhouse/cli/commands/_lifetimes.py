"""Lengths of time and ends of keys, as several commands take and show them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tollhouse.cli.failure import USAGE, Failure

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """``90d`` as seconds; 0 for nothing."""
    if not text:
        return 0
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise Failure(f"{text!r} is no length of time", "write 30m, 12h or 90d", USAGE)
    return int(found[1]) * _UNITS[found[2]]


def moment(epoch_s: object) -> str:
    """Epoch seconds as people read them; empty for nothing."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds") if isinstance(epoch_s, int) else ""
