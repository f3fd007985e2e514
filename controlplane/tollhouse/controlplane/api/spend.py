"""Spend over REST: ``GET spend?group_by=consumer,model&from=...&to=...&consumer=coder&format=csv``, and what else the
ledger answers under ``spend/...``."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from aiohttp import web
from tollhouse.controlplane.api import answers, spend_requests, spend_views
from tollhouse.controlplane.ledger.answers import COLUMNS, TAG, BadQuestion, Question, Row
from tollhouse.controlplane.ledger.forms import FormUnavailable, cell
from tollhouse.controlplane.ledger.ledger import Ledger, LedgerUnavailable
from tollhouse.controlplane.ledger.reports import BadReport
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.proto.units import format_usd

ASKED = frozenset({"from", "to", "limit", *COLUMNS})
ARGUMENTS = ASKED | {"group_by", "format"}

View = Callable[[Ledger, web.Request, Question], Awaitable[web.StreamResponse]]

VIEWS: Mapping[str, tuple[str, frozenset[str], View]] = {
    "top": ("GET", ASKED | {"by"}, spend_views.top),
    "forecast": ("GET", ASKED | {"group_by", "period", "timezone"}, spend_views.forecast),
    "export": ("GET", ASKED | {"what", "format"}, spend_views.export),
    "requests": ("GET", ASKED | spend_requests.ARGUMENTS, spend_requests.handle),
    "corrections": ("GET", frozenset({"from", "limit"}), spend_views.corrections),
    "reconcile": ("POST", frozenset({"provider", "correct", "reason"}), spend_views.reconcile),
}
"""What stands under ``spend/``: its verb, its arguments, who answers."""


async def handle(ledger: Ledger | None, request: web.Request, view: str = "") -> web.StreamResponse:
    """Raises Refusal."""
    if view and view not in VIEWS:
        raise Refusal(Fault.NOT_FOUND, f"there is no spend/{view}; there are {', '.join(VIEWS)}")
    verb, arguments, answering = VIEWS.get(view, ("GET", ARGUMENTS, _rows))
    if request.method != verb:
        raise Refusal(Fault.UNSUPPORTED, f"use {verb}")
    if ledger is None:
        raise Refusal(Fault.UNAVAILABLE, "this control plane keeps no ledger; start it with --ledger")
    unknown = sorted(name for name in request.query if name not in arguments and not name.startswith(TAG))
    if unknown:
        raise invalid(f"unknown argument {unknown[0]!r}; there are {', '.join(sorted(arguments))}")
    try:
        return await answering(ledger, request, read_question(request))
    except (BadQuestion, BadReport, FormUnavailable) as error:
        raise invalid(str(error)) from None
    except LedgerUnavailable as error:
        raise Refusal(Fault.UNAVAILABLE, str(error)) from None


async def _rows(ledger: Ledger, request: web.Request, question: Question) -> web.StreamResponse:
    form = request.query.get("format", "json")
    if form not in ("json", "csv"):
        raise invalid(f"format: there are json and csv, came {form!r}")
    rows, total = await ledger.answer(question)
    if form == "csv":
        return web.Response(text=as_csv(rows, question.group_by), content_type="text/csv")
    return answers.answer(200, {"list": [shown(row) for row in rows], "total": shown(total)})


def read_question(request: web.Request) -> Question:
    """Raises Refusal naming the argument that does not fit."""
    query = request.query
    limit = query.get("limit", "0")
    if not limit.isdecimal() or len(limit) > 9:
        raise invalid("limit: should be a whole number")
    return Question(
        tuple(name.strip() for name in query.get("group_by", "").split(",") if name.strip()),
        {name: value for name, value in query.items() if name in COLUMNS or name.startswith(TAG)},
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


def money(name: str) -> str:
    """How a sum of money is called where it is shown in USD; other sums keep their names."""
    return name.removesuffix("_nano") + "_usd" if name.endswith("_nano") else name


def shown(row: Row) -> dict[str, object]:
    """One row as JSON: money as decimal text, so that no float rounds it."""
    sums = {money(name): format_usd(value) if money(name) != name else value for name, value in row.sums.items()}
    return {**row.keys, **sums}


def as_csv(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The rows as CSV with a heading."""
    out = io.StringIO()
    writer = csv.writer(out)
    sums = [money(name) for name in (rows[0].sums if rows else ("cost_nano", "estimated_nano", "failed_nano"))]
    writer.writerow([*names, *sums])
    for row in rows:
        line = shown(row)
        writer.writerow([*(cell(line[name]) for name in names), *(line[name] for name in sums)])
    return out.getvalue()
