"""What was spent: sums from the ledger."""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.proto.units import format_usd

MONEY = {"cost_nano_usd": "cost_usd", "estimated_nano_usd": "estimated_usd", "failed_nano_usd": "failed_usd"}
COUNTS = ("requests", "attempts", "failed", "unpriced")
TOKENS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
UNITS = {"h": 1, "d": 24, "w": 168}


class Form(StrEnum):
    """Forms of the answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def run(
    context: typer.Context,
    by: Annotated[
        str, typer.Option(help="consumer, group, model, provider, route, session, node, outcome, hour, day; comma")
    ] = "consumer",
    since: Annotated[str, typer.Option(help="a time (2026-11-25, 2026-11-25T08:00), or 24h, 7d, 4w back")] = "30d",
    until: Annotated[str, typer.Option(help="a time; until now when not given")] = "",
    consumer: Annotated[str, typer.Option(help="only this consumer")] = "",
    group: Annotated[str, typer.Option(help="only this group, with all groups below it")] = "",
    model: Annotated[str, typer.Option(help="only this model (the provider's name of it)")] = "",
    provider: Annotated[str, typer.Option(help="only this provider")] = "",
    route: Annotated[str, typer.Option(help="only this route")] = "",
    session: Annotated[str, typer.Option(help="only this session")] = "",
    limit: Annotated[int, typer.Option(min=0, help="rows at most, the dearest first; 0: all")] = 50,
    output: Annotated[Form, typer.Option("-o", "--output", help="form of the answer")] = Form.TABLE,
) -> None:
    """Show what was spent, from the ledger: by consumer, group, model, provider, route, session or hour."""
    from tollhouse.proto.admin.v1 import spend_pb2

    named = {
        "consumer": consumer,
        "group": group,
        "model": model,
        "provider": provider,
        "route": route,
        "session": session,
    }
    keys = [name.strip() for name in by.split(",") if name.strip()]
    request = spend_pb2.SpendRequest(
        from_ms=_moment(since, "--since", whole_hours=True),
        to_ms=_moment(until, "--until"),
        group_by=keys,
        filter={name: value for name, value in named.items() if value},
        limit=limit,
    )
    connection: Connection = context.obj
    with connection.spend() as service:
        answer = service.Spend(request)
    if output is Form.TABLE:
        _table(answer, keys)
    elif output is Form.CSV:
        _csv(answer, keys)
    else:
        data = {"list": [_plain(row) for row in answer.rows], "total": _plain(answer.total)}
        render.data(data, render.Output.JSON)


def _moment(text: str, flag: str, *, whole_hours: bool = False) -> int:
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


def _plain(row: Any) -> dict[str, Any]:
    """A row with money as decimal text, so that no float rounds it."""
    money = {shown: format_usd(getattr(row, name)) for name, shown in MONEY.items()}
    counts = {name: getattr(row, name) for name in (*COUNTS, *TOKENS)}
    return {**dict(row.keys), **money, **counts}


def _csv(answer: Any, keys: list[str]) -> None:
    names = [*keys, *MONEY.values(), *COUNTS, *TOKENS]
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    for row in answer.rows:
        writer.writerow(_plain(row))


def _table(answer: Any, keys: list[str]) -> None:
    columns = (*(key.upper() for key in keys), "USD", "ESTIMATED", "FAILED", "REQUESTS", "ATTEMPTS", "READ", "WRITTEN")
    rows = [_line([render.plain(row.keys[key] or "-") for key in keys], row) for row in answer.rows]
    if keys and len(rows) > 1:
        rows.append(_line(["[bold]total[/]", *[""] * (len(keys) - 1)], answer.total))
    render.table(columns, rows, "nothing was spent")
    if answer.total.unpriced:
        render.err().print(f"[yellow]{answer.total.unpriced} attempts have a price nobody knows: see unknown_price[/]")


def _line(first: list[str], row: Any) -> tuple[str, ...]:
    money = [format_usd(getattr(row, name)) for name in MONEY]
    return (*first, *money, *map(str, (row.requests, row.attempts, row.input_tokens, row.output_tokens)))
