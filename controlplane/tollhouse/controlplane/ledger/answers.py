"""What was spent: sums over a time, by the dimensions asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncEngine
from tollhouse.controlplane.ledger.intake import UNPRICED
from tollhouse.controlplane.ledger.schema import SUMS, TOKENS, hours, records

HOUR_MS = 3_600_000
COLUMNS = {
    "consumer": "consumer",
    "group": "group_id",
    "model": "model",
    "provider": "provider",
    "route": "route",
    "node": "node",
    "outcome": "outcome",
    "session": "session",
}
DIMENSIONS = (*COLUMNS, "hour", "day")
ONLY_SINGLE = frozenset({"session"})
"""Dimensions the hourly sums do not have."""


class BadQuestion(ValueError):
    """The question names something there is not; the text says what there is."""


@dataclass(frozen=True)
class Question:
    """What is asked."""

    group_by: Sequence[str] = ()
    filter: Mapping[str, str] = field(default_factory=dict)
    from_ms: int = 0
    to_ms: int = 0
    limit: int = 0

    def check(self) -> None:
        """Raises BadQuestion."""
        for name in self.group_by:
            if name not in DIMENSIONS:
                raise BadQuestion(f"cannot group by {name!r}; there are {', '.join(DIMENSIONS)}")
        for name in self.filter:
            if name not in COLUMNS:
                raise BadQuestion(f"cannot filter by {name!r}; there are {', '.join(COLUMNS)}")
        if self.to_ms and self.from_ms >= self.to_ms:
            raise BadQuestion("the time asked for ends before it begins")

    @property
    def needs_single_records(self) -> bool:
        """Whether hourly sums cannot answer it."""
        named = {*self.group_by, *self.filter}
        return bool(named & ONLY_SINGLE) or bool(self.from_ms % HOUR_MS) or bool(self.to_ms % HOUR_MS)


@dataclass(frozen=True)
class Row:
    """One line of an answer."""

    keys: dict[str, str]
    sums: dict[str, int]


async def spend(engine: AsyncEngine, question: Question) -> list[Row]:
    """The rows, dearest first (by time where an hour or a day is asked for). Raises BadQuestion and
    SQLAlchemyError."""
    question.check()
    single = question.needs_single_records
    table = records if single else hours
    names = list(dict.fromkeys(question.group_by))
    keys = [_key(name, single).label(f"key_{name}") for name in names]
    statement = select(*keys, *_sums(single)).where(*_conditions(question, single))
    if keys:
        statement = statement.group_by(*[f"key_{name}" for name in names])
    timed = [f"key_{name}" for name in names if name in ("hour", "day")]
    statement = statement.order_by(*timed) if timed else statement.order_by(func.sum(table.c.cost_nano).desc())
    if question.limit > 0:
        statement = statement.limit(question.limit)
    async with engine.connect() as connection:
        found = (await connection.execute(statement)).mappings().all()
    return [
        Row({name: _shown(name, row[f"key_{name}"]) for name in names}, {name: int(row[name] or 0) for name in SUMS})
        for row in found
    ]


def _key(name: str, single: bool) -> ColumnElement[Any]:
    table = records if single else hours
    if name in COLUMNS:
        return table.c[COLUMNS[name]]
    seconds = 3600 if name == "hour" else 86400
    if single:
        ms = records.c.started_ms
        return (ms - ms % (seconds * 1000)) / literal(1000)
    return hours.c.hour - hours.c.hour % seconds


def _shown(name: str, value: Any) -> str:
    if name in COLUMNS:
        return str(value)
    moment = datetime.fromtimestamp(int(value), UTC)
    return moment.strftime("%Y-%m-%dT%H:00Z" if name == "hour" else "%Y-%m-%d")


def _conditions(question: Question, single: bool) -> list[ColumnElement[bool]]:
    table = records if single else hours
    time, scale = (records.c.started_ms, 1) if single else (hours.c.hour, 1000)
    found: list[ColumnElement[bool]] = []
    if question.from_ms:
        found.append(time >= question.from_ms // scale)
    if question.to_ms:
        found.append(time < question.to_ms // scale)
    for name, value in question.filter.items():
        if name == "group":
            found.append(table.c.group_path.contains(f"/{value}/", autoescape=True))
        else:
            found.append(table.c[COLUMNS[name]] == value)
    return found


def _sums(single: bool) -> list[ColumnElement[Any]]:
    if not single:
        return [func.sum(hours.c[name]).label(name) for name in SUMS]
    cost = records.c.cost_nano
    failed = records.c.outcome != "ok"
    made: dict[str, Any] = {
        "cost_nano": cost,
        "estimated_nano": case((records.c.estimated, cost), else_=0),
        "failed_nano": case((failed, cost), else_=0),
        "requests": case((records.c.attempt == 1, 1), else_=0),
        "attempts": literal(1),
        "failed": case((failed, 1), else_=0),
        "unpriced": case((records.c.price_source.in_(sorted(UNPRICED)), 1), else_=0),
        **{name: records.c[name] for name in TOKENS},
    }
    made["cache_write_tokens"] = records.c.cache_write_tokens + records.c.cache_write_1h_tokens
    return [func.sum(made[name]).label(name) for name in SUMS]


def total(rows: Sequence[Row]) -> dict[str, int]:
    """The sum of all rows."""
    return {name: sum(row.sums[name] for row in rows) for name in SUMS}
