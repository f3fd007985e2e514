"""When a budget's window began and when it ends: calendars in time zones, and windows that roll. Pure.

Units are counted in *buckets* named by the epoch second they begin at. A calendar window has one bucket, its own
beginning. A rolling window has ``ROLLING_BUCKETS``; a bucket counts until its last moment has left the window, so no
stretch of that length ever holds more than the limit. Since names are times, counts survive a change of the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Window = Literal["minute", "hour", "day", "week", "month", "total"]

LENGTHS: dict[str, int] = {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400, "month": 30 * 86400}
"""Seconds a rolling window looks back."""

ROLLING_BUCKETS = 60


@dataclass(frozen=True, slots=True)
class Span:
    """The window at one moment."""

    bucket: int
    """Where units used now are counted; epoch seconds."""
    since: int
    """Buckets from here on count."""
    ends: int
    """The moment this answer stops being true: a calendar window's end, or a rolling one's next bucket; 0 never."""
    expires: int
    """When the bucket no longer matters to anybody; 0 never."""


ALWAYS = Span(0, 0, 0, 0)


def span_at(window: Window, now: float, zone: ZoneInfo, *, rolling: bool = False) -> Span:
    """The window that ``now`` (epoch seconds) falls in."""
    if window == "total":
        return ALWAYS
    if rolling:
        return _rolling(LENGTHS[window], now)
    start, end = _calendar(window, now, zone)
    return Span(start, start, end, end)


def _rolling(length: int, now: float) -> Span:
    width = length // ROLLING_BUCKETS
    bucket = int(now // width) * width
    since = int((now - length) // width) * width
    return Span(bucket, since, bucket + width, bucket + width + length)


def _calendar(window: Window, now: float, zone: ZoneInfo) -> tuple[int, int]:
    local = datetime.fromtimestamp(now, zone)
    if window in ("minute", "hour"):
        length = LENGTHS[window]
        offset = local.utcoffset() or timedelta()
        shift = int(offset.total_seconds())
        start = int((now + shift) // length) * length - shift
        return start, start + length
    day = local.date()
    if window == "week":
        day -= timedelta(days=day.weekday())
        following = day + timedelta(days=7)
    elif window == "month":
        day = day.replace(day=1)
        following = (day + timedelta(days=32)).replace(day=1)
    else:
        following = day + timedelta(days=1)
    return _midnight(day.year, day.month, day.day, zone), _midnight(
        following.year, following.month, following.day, zone
    )


def _midnight(year: int, month: int, day: int, zone: ZoneInfo) -> int:
    """The first moment of a local day. Where clocks jump over midnight it is the moment of the jump."""
    return int(datetime(year, month, day, tzinfo=zone).timestamp())
