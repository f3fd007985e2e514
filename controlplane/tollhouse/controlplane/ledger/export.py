"""What the ledger holds, row by row, for other programs: single entries, hourly sums, or charges as FOCUS has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine
from tollhouse.controlplane.ledger import focus, forms
from tollhouse.controlplane.ledger.answers import HOUR_MS, BadQuestion, Question, conditions
from tollhouse.controlplane.ledger.schema import KEYS, hours, records
from tollhouse.proto.units import nano_to_usd

CONTENTS = ("records", "hours", "focus")
AT_A_TIME = 2000

_FLAGS = frozenset({"stream", "estimated"})
_MOMENTS = {"started_ms": "started", "ended_ms": "ended", "received_ms": "received"}


async def export(engine: AsyncEngine, what: str, form: str, question: Question) -> AsyncIterator[bytes]:
    """The file, in pieces. Raises BadQuestion, FormUnavailable and SQLAlchemyError."""
    check(what, form, question)
    table = records if what == "records" else hours
    rows = _pages(engine, table, question)
    if what == "focus":
        columns, batches = focus.COLUMNS, _each(rows, focus.charges)
    else:
        columns, batches = _columns(table), _each(rows, lambda row: [_shown(row)])
    async for piece in forms.write(form, columns, batches):
        yield piece


def check(what: str, form: str, question: Question) -> None:
    """Raises BadQuestion and FormUnavailable."""
    if what not in CONTENTS:
        raise BadQuestion(f"what: there are {', '.join(CONTENTS)}, came {what!r}")
    question.check()
    if what != "records" and (question.from_ms % HOUR_MS or question.to_ms % HOUR_MS):
        raise BadQuestion(f"{what}: sums are by the hour; begin and end with a whole one")
    single = Question(filter=question.filter).needs_single_records
    if what != "records" and single:
        raise BadQuestion(f"{what}: hourly sums know no session, tier and tags; export records")
    forms.check(form)


async def _each(pages: AsyncIterator[list[Any]], shown: Any) -> AsyncIterator[list[Any]]:
    async for page in pages:
        yield [line for row in page for line in shown(row)]


async def _pages(engine: AsyncEngine, table: Table, question: Question) -> AsyncIterator[list[Any]]:
    """All rows asked for in order of time, a page per transaction: an export keeps nobody waiting."""
    single = table is records
    key = [records.c.started_ms, records.c.id] if single else [hours.c[name] for name in KEYS]
    wanted = conditions(question, single, engine.dialect.name == "postgresql")
    last: tuple[Any, ...] | None = None
    while True:
        statement = select(table).where(*wanted).order_by(*key).limit(AT_A_TIME)
        if last is not None:
            statement = statement.where(tuple_(*key) > tuple_(*last))
        async with engine.connect() as connection:
            page = list((await connection.execute(statement)).mappings().all())
        yield page
        if len(page) < AT_A_TIME:
            return
        last = tuple(page[-1][column.name] for column in key)


def _columns(table: Table) -> dict[str, forms.Type]:
    found: dict[str, forms.Type] = {}
    for column in table.columns:
        name = column.name
        if name.endswith("_nano"):
            found[name.removesuffix("_nano") + "_usd"] = "usd"
        elif name in _MOMENTS:
            found[_MOMENTS[name]] = "moment"
        elif name == "hour":
            found[name] = "moment"
        elif name in _FLAGS:
            found[name] = "flag"
        else:
            found[name] = "number" if name in _NUMBERS else "text"
    return found


_NUMBERS = frozenset(
    column.name for table in (records, hours) for column in table.columns if "INT" in str(column.type).upper()
)


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_nano"):
            shown[name.removesuffix("_nano") + "_usd"] = usd(value)
        elif name in _MOMENTS:
            shown[_MOMENTS[name]] = moment(value)
        elif name == "hour":
            shown[name] = moment(value * 1000)
        else:
            shown[name] = value
    return shown


def usd(nano: int) -> Decimal:
    """Exact, with nine decimals."""
    return nano_to_usd(nano).quantize(Decimal("0.000000001"))


def moment(ms: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
