"""Compares a provider's reports with the ledger by day and model, and books corrections for the causes named."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from tollhouse.controlplane.ledger.comparing import CAUSES, Difference, Side, compare
from tollhouse.controlplane.ledger.corrections import Why, of_difference, of_record
from tollhouse.controlplane.ledger.intake import Intake
from tollhouse.controlplane.ledger.reports import DAY_MS, KINDS, BadReport, Report, canonical, read
from tollhouse.controlplane.ledger.schema import records
from tollhouse.controlplane.ledger.valuing import RatesOf, as_charged, published_rates

Bucket = tuple[int, str]


@dataclass(frozen=True)
class Options:
    """How to compare, and what to correct."""

    provider: str = ""
    correct: frozenset[str] = frozenset()
    author: str = ""
    reason: str = ""
    rates_of: RatesOf | None = None
    """None: as the ledger knows them."""

    def check(self) -> None:
        """Raises BadReport."""
        unknown = sorted(self.correct - set(CAUSES))
        if unknown:
            raise BadReport(f"correct: {unknown[0]!r} is no cause; there are {', '.join(CAUSES)}")


@dataclass
class Found:
    """One difference, and where."""

    day: str
    model: str
    difference: Difference


@dataclass
class Reconciled:
    """The answer."""

    forms: list[str]
    provider: str
    from_ms: int = 0
    to_ms: int = 0
    here_nano: int = 0
    there_nano: int = 0
    found: list[Found] = field(default_factory=list)
    corrections: int = 0
    corrected_nano: int = 0
    notes: list[str] = field(default_factory=list)


async def reconcile(
    engine: AsyncEngine, intake: Intake, files: Sequence[bytes], options: Options, now_ms: int
) -> Reconciled:
    """Raises BadReport and SQLAlchemyError."""
    options.check()
    reports = [read(data) for data in files]
    if not reports:
        raise BadReport("no report was given")
    book = _Book(intake, options, now_ms)
    if any(report.form == "records" for report in reports):
        if len(reports) > 1:
            raise BadReport("give a report of single records alone")
        return await _by_record(engine, reports[0], book)
    _check_together(reports)
    first = reports[0]
    result = Reconciled([report.form for report in reports], options.provider or first.provider)
    result.notes = [note for report in reports for note in report.notes]
    result.from_ms, result.to_ms = first.from_ms, first.to_ms
    rates_of = options.rates_of or published_rates
    here = await _ours(engine, result)
    there = _theirs(reports)
    for bucket in sorted({*here, *there}):
        one, other = here.get(bucket), there.get(bucket)
        result.here_nano += (one.cost_nano or 0) if one is not None else 0
        day = datetime.fromtimestamp(bucket[0] / 1000, UTC).date()
        rates, note = as_charged(rates_of(result.provider, bucket[1], day), one)
        if note:
            result.notes.append(f"{bucket[1]} is {note}")
        if rates is None and (other is None or other.tokens is not None):
            result.notes.append(f"{bucket[1]} has no price here: other tokens of it are not valued")
        for difference in compare(one, other, rates):
            result.found.append(Found(day.isoformat(), bucket[1], difference))
            if difference.cause in options.correct:
                await book.difference(engine, result, bucket, difference)
    result.there_nano = result.here_nano + sum(one.difference.nano for one in result.found)
    await book.write(result)
    return result


def _check_together(reports: Sequence[Report]) -> None:
    forms = [report.form for report in reports]
    if len({report.provider for report in reports}) > 1 or len(set(forms)) != len(forms):
        raise BadReport(f"give reports of one provider, one of usage and one of cost; these are {', '.join(forms)}")
    if len({(report.from_ms, report.to_ms) for report in reports}) > 1:
        raise BadReport("the two reports are of different times; ask for both with the same beginning and end")
    if not reports[0].to_ms:
        raise BadReport("the report is of no time at all")


async def _ours(engine: AsyncEngine, result: Reconciled) -> dict[Bucket, Side]:
    day = records.c.started_ms - records.c.started_ms % DAY_MS
    whole = and_(records.c.attempt > 0, records.c.estimated.is_(False))
    billed = and_(records.c.attempt > 0, records.c.input_tokens + records.c.output_tokens + records.c.cost_nano > 0)
    statement = (
        select(
            day.label("day"),
            records.c.model,
            func.sum(records.c.cost_nano).label("cost"),
            func.sum(case((billed, 1), else_=0)).label("requests"),
            func.sum(case((records.c.estimated, records.c.cost_nano), else_=0)).label("estimated_nano"),
            func.sum(case((and_(whole, billed), 1), else_=0)).label("told"),
            func.sum(case((whole, records.c.cost_nano), else_=0)).label("told_nano"),
            *[func.sum(records.c[kind]).label(kind) for kind in KINDS],
            *[func.sum(case((whole, records.c[kind]), else_=0)).label(f"told_{kind}") for kind in KINDS],
        )
        .where(
            records.c.provider == result.provider,
            records.c.started_ms >= result.from_ms,
            records.c.started_ms < result.to_ms,
        )
        .group_by("day", records.c.model)
    )
    async with engine.connect() as connection:
        rows = (await connection.execute(statement)).mappings().all()
    found: dict[Bucket, Side] = defaultdict(lambda: Side(0, dict.fromkeys(KINDS, 0), 0))
    for row in rows:
        side = found[int(row["day"]), canonical(row["model"])]
        assert side.tokens is not None
        side.cost_nano = (side.cost_nano or 0) + int(row["cost"])
        side.requests = (side.requests or 0) + int(row["requests"])
        side.estimated_nano += int(row["estimated_nano"])
        side.told += int(row["told"])
        side.told_nano += int(row["told_nano"])
        for kind in KINDS:
            side.tokens[kind] += int(row[kind])
            side.told_tokens[kind] = side.told_tokens.get(kind, 0) + int(row[f"told_{kind}"])
    for bucket in found:
        found[bucket].estimated = len(await _estimates(engine, result, bucket))
    return dict(found)


async def _estimates(engine: AsyncEngine, result: Reconciled, bucket: Bucket) -> list[Mapping[Any, Any]]:
    """Attempts of a bucket that are estimates still: no correction stands beside them."""
    corrected = select(records.c.corrects).where(records.c.corrects != "", records.c.cause != "")
    statement = select(records).where(
        records.c.provider == result.provider,
        records.c.started_ms >= max(bucket[0], result.from_ms),
        records.c.started_ms < min(bucket[0] + DAY_MS, result.to_ms),
        records.c.estimated,
        records.c.attempt > 0,
        records.c.id.not_in(corrected),
    )
    async with engine.connect() as connection:
        rows = (await connection.execute(statement.order_by(records.c.id))).mappings().all()
    return [row for row in rows if canonical(row["model"]) == bucket[1]]


def _theirs(reports: Sequence[Report]) -> dict[Bucket, Side]:
    found: dict[Bucket, Side] = defaultdict(Side)
    for report in reports:
        for line in report.lines:
            side = found[line.day_ms, canonical(line.model)]
            if line.cost_nano is not None:
                side.cost_nano = (side.cost_nano or 0) + line.cost_nano
            if line.requests is not None:
                side.requests = (side.requests or 0) + line.requests
            if line.tokens is not None:
                known = side.tokens or dict.fromkeys(KINDS, 0)
                side.tokens = {kind: known[kind] + line.tokens[kind] for kind in KINDS}
    return dict(found)


async def _by_record(engine: AsyncEngine, report: Report, book: _Book) -> Reconciled:
    """Single attempts whose truth somebody knows."""
    result = Reconciled([report.form], book.options.provider)
    for line in report.lines:
        async with engine.connect() as connection:
            wanted = select(records).where(records.c.id == line.record, records.c.cause == "")
            row = (await connection.execute(wanted)).mappings().first()
        if row is None:
            result.notes.append(f"not compared: there is no record {line.record[:80]!r}")
            continue
        async with engine.connect() as connection:
            figures = [func.sum(records.c[name]).label(name) for name in ("cost_nano", *KINDS)]
            changed = select(*figures).where(records.c.corrects == row["id"])
            earlier = (await connection.execute(changed)).mappings().one()
        now = {name: row[name] + int(earlier[name] or 0) for name in ("cost_nano", *KINDS)}
        truth = dict(line.tokens or {})
        truth["cost_nano"] = line.cost_nano if line.cost_nano is not None else now["cost_nano"]
        delta = {name: value - now[name] for name, value in truth.items() if value != now[name]}
        result.here_nano += now["cost_nano"]
        if not delta:
            continue
        tokens = {kind: amount for kind, amount in delta.items() if kind != "cost_nano"}
        still = row["estimated"] and earlier["cost_nano"] is None
        cause = "estimate" if still else "tokens" if tokens else "price"
        difference = Difference(cause, delta.get("cost_nano", 0), tokens, 0, f"record {row['id']}")
        day = datetime.fromtimestamp(row["started_ms"] / 1000, UTC).date().isoformat()
        result.found.append(Found(day, row["model"], difference))
        if cause in book.options.correct:
            book.record({**row, **now, "estimated": still}, truth, cause)
    result.there_nano = result.here_nano + sum(one.difference.nano for one in result.found)
    await book.write(result)
    return result


class _Book:
    """Gathers corrections and writes them in one step."""

    def __init__(self, intake: Intake, options: Options, now_ms: int) -> None:
        self._intake = intake
        self.options = options
        self._now_ms = now_ms
        self._entries: list[dict[str, Any]] = []

    def _why(self, cause: str) -> Why:
        reason = self.options.reason or "reconciled with the provider's report"
        return Why(cause, self.options.author, reason, self._now_ms)

    def record(self, row: Mapping[str, Any], truth: Mapping[str, int], cause: str) -> None:
        """One attempt gets its true figures."""
        name = _name(row["id"], sorted(truth.items()), row["cost_nano"])
        self._entries += of_record(row, truth, self._why(cause), name)

    async def difference(self, engine: AsyncEngine, result: Reconciled, bucket: Bucket, one: Difference) -> None:
        """An estimate is spread over the attempts that are; anything else is an entry of its own."""
        figures = {"cost_nano": one.nano, **{kind: amount for kind, amount in one.tokens.items() if amount}}
        if one.cause == "estimate":
            figures = self._spread(await _estimates(engine, result, bucket), figures)
        if any(figures.values()):
            name = _name(result.provider, bucket, one.cause, sorted(figures.items()), result.here_nano)
            why = self._why(one.cause)
            self._entries.append(of_difference(bucket[0], result.provider, bucket[1], figures, why, name))

    def _spread(self, rows: Sequence[Mapping[Any, Any]], figures: Mapping[str, int]) -> dict[str, int]:
        """By what each was estimated to cost; nobody's figures fall below nothing. Returns what is left over."""
        truths: list[dict[str, int]] = [{} for _ in rows]
        left: dict[str, int] = {}
        for name, amount in figures.items():
            had = [int(row[name]) for row in rows]
            given = max(amount, -sum(had))
            left[name] = amount - given
            weights = had if any(had) else [1] * len(rows)
            for truth, before, share in zip(truths, had, shares(given, weights), strict=True):
                truth[name] = before + share
        for row, truth in zip(rows, truths, strict=True):
            self.record(row, truth, "estimate")
        return left

    async def write(self, result: Reconciled) -> None:
        """All of them or none; what was written before is not written again."""
        if not self._entries:
            return
        result.corrections = await self._intake.book(self._entries)
        result.corrected_nano = sum(entry["cost_nano"] for entry in self._entries) if result.corrections else 0


def shares(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount divided by weights, to the last unit."""
    total, given, seen = sum(weights), 0, 0
    found = []
    for weight in weights:
        seen += weight
        until = amount * seen // total
        found.append(until - given)
        given = until
    return found


def _name(*parts: Any) -> str:
    return "fix-" + hashlib.sha256(repr(parts).encode()).hexdigest()[:40]
