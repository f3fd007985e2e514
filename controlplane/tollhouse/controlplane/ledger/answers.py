"""What was spent: sums over a time, by the dimensions asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from tollhouse.controlplane.ledger.schema import SUMS, hours, records
from tollhouse.controlplane.ledger.sums import of_records

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
    "tier": "service_tier",
}
TREE = "tree"
"""Each group with everything below it: one attempt counts for its team and for the organisation."""
_OTHERS = (TREE, "hour", "day")
DIMENSIONS = (*COLUMNS, *_OTHERS, "tag:<name>")
ONLY_SINGLE = frozenset({"session", "tier"})
"""Dimensions the hourly sums do not have, as they have no tags."""
TAG = "tag:"
_TAG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}")


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
            if name not in (*COLUMNS, *_OTHERS) and not _is_tag(name):
                raise BadQuestion(f"cannot group by {name!r}; there are {', '.join(DIMENSIONS)}")
        for name in self.filter:
            if name not in COLUMNS and not _is_tag(name):
                raise BadQuestion(f"cannot filter by {name!r}; there are {', '.join(COLUMNS)} and tag:<name>")
        if self.to_ms and self.from_ms >= self.to_ms:
            raise BadQuestion("the time asked for ends before it begins")

    @property
    def needs_single_records(self) -> bool:
        """Whether hourly sums cannot answer it."""
        named = {*self.group_by, *self.filter}
        beyond = named & ONLY_SINGLE or any(name.startswith(TAG) for name in named)
        return bool(beyond) or bool(self.from_ms % HOUR_MS) or bool(self.to_ms % HOUR_MS)

    def during(self, from_ms: int, to_ms: int) -> Question:
        """The same of another time."""
        return replace(self, from_ms=from_ms, to_ms=to_ms)


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
    labels = [f"key_{number}" for number in range(len(names))]
    postgresql = engine.dialect.name == "postgresql"
    keys = [_key(name, single, postgresql).label(label) for name, label in zip(names, labels, strict=True)]
    sums = of_records() if single else [func.sum(hours.c[name]).label(name) for name in SUMS]
    statement = select(*keys, *sums).where(*conditions(question, single, postgresql))
    if keys:
        statement = statement.group_by(*labels)
    timed = [label for name, label in zip(names, labels, strict=True) if name in ("hour", "day")]
    statement = statement.order_by(*timed) if timed else statement.order_by(func.sum(table.c.cost_nano).desc(), *labels)
    if question.limit > 0 and TREE not in names:
        statement = statement.limit(question.limit)
    async with engine.connect() as connection:
        found = (await connection.execute(statement)).mappings().all()
    rows = [
        Row(
            {name: _shown(name, row[label]) for name, label in zip(names, labels, strict=True)},
            {name: int(row[name] or 0) for name in SUMS},
        )
        for row in found
    ]
    if TREE not in names:
        return rows
    return _grown(rows, timed=bool(timed))[: question.limit or None]


async def answer(engine: AsyncEngine, question: Question) -> tuple[list[Row], Row]:
    """The rows, and the total of everything asked about, also of what a limit leaves out."""
    rows = await spend(engine, question)
    if not question.limit and TREE not in question.group_by:
        return rows, Row({}, total(rows))
    (whole,) = await spend(engine, replace(question, group_by=(), limit=0))
    return rows, whole


def _grown(rows: list[Row], *, timed: bool) -> list[Row]:
    """Rows by path as rows by group, each with everything below it."""
    grown: dict[tuple[str, ...], Row] = {}
    for row in rows:
        for group in [step for step in row.keys[TREE].split("/") if step] or [""]:
            keys = {**row.keys, TREE: group}
            one = grown.setdefault(tuple(keys.values()), Row(keys, dict.fromkeys(SUMS, 0)))
            for name, value in row.sums.items():
                one.sums[name] += value
    found = list(grown.values())
    return found if timed else sorted(found, key=lambda row: -row.sums["cost_nano"])


def _is_tag(name: str) -> bool:
    return name.startswith(TAG) and _TAG_NAME.fullmatch(name[len(TAG) :]) is not None


def _key(name: str, single: bool, postgresql: bool) -> ColumnElement[Any]:
    table = records if single else hours
    if name.startswith(TAG):
        return _tag(name[len(TAG) :], postgresql)
    if name in COLUMNS:
        return table.c[COLUMNS[name]]
    if name == TREE:
        return table.c.group_path
    seconds = 3600 if name == "hour" else 86400
    if single:
        ms = records.c.started_ms
        return (ms - ms % (seconds * 1000)) / literal(1000)
    return hours.c.hour - hours.c.hour % seconds


def _tag(name: str, postgresql: bool) -> ColumnElement[Any]:
    """A tag's value, empty where there is none. The name was checked: it may stand in a path."""
    tags = records.c.tags
    if postgresql:
        value: ColumnElement[Any] = cast(case((tags == "", "{}"), else_=tags), JSONB)[name].astext
    else:
        value = func.json_extract(case((tags == "", "{}"), else_=tags), f'$."{name}"')
    return func.coalesce(value, "")


def _shown(name: str, value: Any) -> str:
    if name not in ("hour", "day"):
        return str(value)
    moment = datetime.fromtimestamp(int(value), UTC)
    return moment.strftime("%Y-%m-%dT%H:00Z" if name == "hour" else "%Y-%m-%d")


def conditions(question: Question, single: bool, postgresql: bool) -> list[ColumnElement[bool]]:
    """Which rows of single records, or of hourly sums, the question is about."""
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
        elif name.startswith(TAG):
            found.append(_tag(name[len(TAG) :], postgresql) == value)
        else:
            found.append(table.c[COLUMNS[name]] == value)
    return found


def total(rows: Sequence[Row]) -> dict[str, int]:
    """The sum of all rows."""
    return {name: sum(row.sums[name] for row in rows) for name in SUMS}
