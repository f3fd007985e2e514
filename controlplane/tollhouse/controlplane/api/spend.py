"""Spend over REST: ``GET spend?group_by=consumer,model&from=...&to=...&consumer=coder&format=csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.ledger.answers import COLUMNS, BadQuestion, Question, Row, total
from tollhouse.controlplane.ledger.ledger import Ledger, LedgerUnavailable
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.proto.units import format_usd

ARGUMENTS = frozenset({"group_by", "from", "to", "format", "limit", *COLUMNS})
MONEY = {"cost_nano": "cost_usd", "estimated_nano": "estimated_usd", "failed_nano": "failed_usd"}


async def handle(ledger: Ledger | None, request: web.Request) -> web.Response:
    """Raises Refusal."""
    if request.method != "GET":
        raise Refusal(Fault.UNSUPPORTED, "spend is only read: use GET")
    if ledger is None:
        raise Refusal(Fault.UNAVAILABLE, "this control plane keeps no ledger; start it with --ledger")
    unknown = sorted(set(request.query) - ARGUMENTS)
    if unknown:
        raise invalid(f"unknown argument {unknown[0]!r}; there are {', '.join(sorted(ARGUMENTS))}")
    form = request.query.get("format", "json")
    if form not in ("json", "csv"):
        raise invalid(f"format: there are json and csv, came {form!r}")
    question = read_question(request)
    try:
        rows = await ledger.spend(question)
    except BadQuestion as error:
        raise invalid(str(error)) from None
    except LedgerUnavailable as error:
        raise Refusal(Fault.UNAVAILABLE, str(error)) from None
    if form == "csv":
        return web.Response(text=as_csv(rows, question.group_by), content_type="text/csv")
    return answers.answer(200, {"list": [shown(row) for row in rows], "total": shown(Row({}, total(rows)))})


def read_question(request: web.Request) -> Question:
    """Raises Refusal naming the argument that does not fit."""
    query = request.query
    limit = query.get("limit", "0")
    if not limit.isdecimal() or len(limit) > 9:
        raise invalid("limit: should be a whole number")
    return Question(
        tuple(name.strip() for name in query.get("group_by", "").split(",") if name.strip()),
        {name: query[name] for name in COLUMNS if name in query},
        moment_ms(query.get("from", ""), "from"),
        moment_ms(query.get("to", ""), "to"),
        int(limit),
    )


def moment_ms(text: str, name: str) -> int:
    """ISO 8601 (UTC where no zone is given) or epoch seconds as epoch milliseconds; 0 for nothing."""
    if not text:
        return 0
    if text.isdecimal():
        return int(text) * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{name}: expected a time like 2026-11-25 or 2026-11-25T08:00:00Z, came {text!r}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def shown(row: Row) -> dict[str, object]:
    """One row as JSON: money as decimal text, so that no float rounds it."""
    sums = {MONEY.get(name, name): format_usd(value) if name in MONEY else value for name, value in row.sums.items()}
    return {**row.keys, **sums}


def as_csv(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The rows as CSV with a heading."""
    out = io.StringIO()
    sums = list(rows[0].sums) if rows else list(MONEY)
    writer = csv.writer(out)
    writer.writerow([*names, *(MONEY.get(name, name) for name in sums)])
    for row in rows:
        line = shown(row)
        writer.writerow([line[name] for name in names] + [line[MONEY.get(name, name)] for name in sums])
    return out.getvalue()
