"""Times as people write them on a command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tollhouse.cli.failure import USAGE, Failure

UNITS = {"h": 1, "d": 24, "w": 168}


def moment_ms(text: str, flag: str, *, whole_hours: bool = False) -> int:
    """Epoch milliseconds; 0 for nothing. A time counted back begins with its hour, which hourly sums can answer."""
    if not text:
        return 0
    if text[-1] in UNITS and text[:-1].isdecimal():
        back = datetime.now(UTC) - timedelta(hours=int(text[:-1]) * UNITS[text[-1]])
        if whole_hours:
            back = back.replace(minute=0, second=0, microsecond=0)
        return int(back.timestamp() * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"{flag}: expected 2026-11-25, 2026-11-25T08:00 or 24h, came {text!r}", code=USAGE) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def shown(ms: int) -> str:
    """In UTC, to the minute; empty for none."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ") if ms else ""
