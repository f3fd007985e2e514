"""Times as people write them: ``90s``, ``30m``, ``2h``, ``7d``."""

from __future__ import annotations

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration_s(text: str | int) -> int:
    """Whole seconds; a bare number is seconds. Raises ValueError."""
    written = str(text).strip()
    number, unit = (written[:-1], written[-1]) if written[-1:] in _UNITS else (written, "s")
    if not number.isdecimal() or len(number) > 9 or not int(number):
        raise ValueError(f"{text!r} is no duration; write one like 90s, 30m, 2h or 7d")
    return int(number) * _UNITS[unit]
