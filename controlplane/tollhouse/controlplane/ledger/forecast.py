"""Where the spend of the running day, week or month will end, going on as of late.

What is still to come of today and of each further day is what such a day (of the week) cost on average in the four
weeks before, as far as there are at least two of it; else what a day of the last seven cost; on the first day, what
was spent so far. The bounds are 1.28 standard deviations of the days around that, so four periods in five end between
them if days are independent of one another.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.ext.asyncio import AsyncEngine
from tollhouse.controlplane.ledger.answers import HOUR_MS, BadQuestion, Question, spend

Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = ("day", "week", "month")
HISTORY_DAYS = 28
USUAL_LINES = 20
_FOUR_IN_FIVE = 1.2816


@dataclass(frozen=True)
class Line:
    """One spender's period. All in nano-USD."""

    keys: dict[str, str]
    spent: int
    expected: int
    low: int
    high: int
    rate: int
    """A day, as of late."""
    before: int
    """The whole period before."""


@dataclass(frozen=True)
class Forecast:
    """The answer; lines are the dearest first, by where they will end."""

    from_ms: int
    to_ms: int
    now_ms: int
    lines: list[Line]
    total: Line


@dataclass
class _Days:
    """Cost by local day, and in the running period and the one before."""

    days: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    spent: int = 0
    before: int = 0


async def forecast(engine: AsyncEngine, period: str, zone_name: str, question: Question, now_ms: int) -> Forecast:
    """For each value of the dimensions asked for, and in total. Raises BadQuestion and SQLAlchemyError."""
    if any(name in ("hour", "day", "tree") for name in question.group_by):
        raise BadQuestion("a forecast is not by hour, day or tree; name dimensions like consumer or model")
    zone = _zone(zone_name)
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    start, end = bounds(period, now)
    earlier, _ = bounds(period, start - timedelta(hours=1))
    since = min(earlier, _midnight(now.date() - timedelta(days=HISTORY_DAYS), zone))
    names = tuple(dict.fromkeys(question.group_by))
    from_ms = int(since.timestamp() * 1000) // HOUR_MS * HOUR_MS
    asked = replace(question, group_by=(*names, "hour"), from_ms=from_ms, to_ms=0, limit=0)
    found: dict[tuple[str, ...], _Days] = defaultdict(_Days)
    whole = _Days()
    for row in await spend(engine, asked):
        hour = datetime.fromisoformat(row.keys["hour"]).astimezone(zone)
        if hour > now:
            continue
        for days in (found[tuple(row.keys[name] for name in names)], whole):
            cost = row.sums["cost_nano"]
            days.days[hour.date()] += cost
            days.spent += cost if hour >= start else 0
            days.before += cost if earlier <= hour < start else 0
    lines = [_line(dict(zip(names, key, strict=True)), days, now, start, end) for key, days in found.items()]
    lines = [line for line in lines if names and (line.spent or line.expected)]
    lines.sort(key=lambda line: -line.expected)
    total = _line({}, whole, now, start, end)
    moments = (int(start.timestamp() * 1000), int(end.timestamp() * 1000), now_ms)
    return Forecast(*moments, lines[: question.limit or USUAL_LINES], total)


def bounds(period: str, now: datetime) -> tuple[datetime, datetime]:
    """Beginning and end of the period a moment is in, in its own time zone. Raises BadQuestion."""
    zone = now.tzinfo
    assert isinstance(zone, ZoneInfo)
    day = now.date()
    if period == "day":
        first, last = day, day + timedelta(days=1)
    elif period == "week":
        first = day - timedelta(days=day.weekday())
        last = first + timedelta(days=7)
    elif period == "month":
        first = day.replace(day=1)
        last = (first + timedelta(days=32)).replace(day=1)
    else:
        raise BadQuestion(f"period: there are {', '.join(PERIODS)}, came {period!r}")
    return _midnight(first, zone), _midnight(last, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadQuestion(f"timezone: {name!r} is none; use a name like Europe/Berlin") from None


def _line(keys: dict[str, str], days: _Days, now: datetime, start: datetime, end: datetime) -> Line:
    today = now.date()
    known = [day for day, cost in days.days.items() if day < today and cost]
    history: list[tuple[date, int]] = []
    if known:
        first = max(min(known), today - timedelta(days=HISTORY_DAYS))
        span = [first + timedelta(days=number) for number in range((today - first).days)]
        history = [(day, days.days.get(day, 0)) for day in span]
    expected_of, deviation, rate = _habits(history, days.days.get(today, 0), now)
    midnight = _midnight(today + timedelta(days=1), _zone_of(now))
    rest = max(0.0, (min(midnight, end).astimezone(UTC) - now.astimezone(UTC)).total_seconds() / 86400)
    further = [today + timedelta(days=number) for number in range(1, (end.date() - today).days)]
    to_come = rest * expected_of(today) + sum(map(expected_of, further))
    spread = _FOUR_IN_FIVE * deviation * math.sqrt(rest + len(further))
    expected = days.spent + round(to_come)
    low = max(days.spent, round(expected - spread))
    return Line(keys, days.spent, expected, low, round(expected + spread), round(rate), days.before)


def _zone_of(now: datetime) -> ZoneInfo:
    assert isinstance(now.tzinfo, ZoneInfo)
    return now.tzinfo


class _Habit:
    """What a day is expected to cost."""

    def __init__(self, by_weekday: Mapping[int, float], usual: float) -> None:
        self._by_weekday = by_weekday
        self._usual = usual

    def __call__(self, day: date) -> float:
        return self._by_weekday.get(day.weekday(), self._usual)


def _habits(history: Sequence[tuple[date, int]], today_cost: int, now: datetime) -> tuple[_Habit, float, float]:
    """What days cost, how far they stray from that, and the rate of late."""
    if not history:
        midnight = _midnight(now.date(), _zone_of(now))
        elapsed = max(1 / 24, (now.astimezone(UTC) - midnight.astimezone(UTC)).total_seconds() / 86400)
        return _Habit({}, today_cost / elapsed), 0.0, today_cost / elapsed
    latest = [cost for _, cost in history[-7:]]
    usual = sum(latest) / len(latest)
    kinds: dict[int, list[int]] = defaultdict(list)
    for day, cost in history:
        kinds[day.weekday()].append(cost)
    habit = _Habit({day: sum(costs) / len(costs) for day, costs in kinds.items() if len(costs) > 1}, usual)
    off = [cost - habit(day) for day, cost in history]
    deviation = math.sqrt(sum(one * one for one in off) / max(1, len(off) - 1)) if len(off) > 1 else 0.0
    return habit, deviation, usual
