"""What was spent, what it will come to, and where it went: answers of the ledger."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _spend_views as views
from tollhouse.cli.commands._times import moment_ms
from tollhouse.cli.failure import USAGE, Failure


class View(StrEnum):
    """What is asked."""

    SUMS = "sums"
    TOP = "top"
    FORECAST = "forecast"
    SAVINGS = "savings"
    CORRECTIONS = "corrections"
    EXPORT = "export"


class Form(StrEnum):
    """Forms of the answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


class Period(StrEnum):
    """What a forecast looks to the end of."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class What(StrEnum):
    """What an export holds."""

    RECORDS = "records"
    HOURS = "hours"
    FOCUS = "focus"


def run(
    context: typer.Context,
    view: Annotated[
        View, typer.Argument(help="sums; the top spenders; a forecast; what was saved and lost; corrections; an export")
    ] = View.SUMS,
    by: Annotated[
        str,
        typer.Option(
            help="consumer, group, tree (groups with all below them), model, provider, route, session, node, outcome, "
            "tier, tag:<name>, hour, day; comma"
        ),
    ] = "consumer",
    since: Annotated[str, typer.Option(help="a time (2026-11-25, 2026-11-25T08:00), or 24h, 7d, 4w back")] = "30d",
    until: Annotated[str, typer.Option(help="a time; until now when not given")] = "",
    consumer: Annotated[str, typer.Option(help="only this consumer")] = "",
    group: Annotated[str, typer.Option(help="only this group, with all groups below it")] = "",
    model: Annotated[str, typer.Option(help="only this model (the provider's name of it)")] = "",
    provider: Annotated[str, typer.Option(help="only this provider")] = "",
    route: Annotated[str, typer.Option(help="only this route")] = "",
    session: Annotated[str, typer.Option(help="only this session")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="only this tag: name=value; may be given several times")] = None,
    limit: Annotated[int, typer.Option(min=0, help="rows at most, the dearest first; 0: all")] = 50,
    period: Annotated[Period, typer.Option(help="of a forecast")] = Period.MONTH,
    timezone: Annotated[str, typer.Option(help="of a forecast's period, like Europe/Berlin")] = "UTC",
    what: Annotated[What, typer.Option(help="of an export: each attempt, hourly sums, FOCUS charges")] = What.RECORDS,
    file: Annotated[Path | None, typer.Option(help="where an export goes; standard output when not given")] = None,
    output: Annotated[Form, typer.Option("-o", "--output", help="form of the answer")] = Form.TABLE,
) -> None:
    """Show what was spent, from the ledger: sums, top spenders, a forecast, savings, corrections, or export it all."""
    from tollhouse.proto.admin.v1 import spend_pb2

    named = {
        "consumer": consumer,
        "group": group,
        "model": model,
        "provider": provider,
        "route": route,
        "session": session,
        **_tags(tag or []),
    }
    filters = {name: value for name, value in named.items() if value}
    keys = [name.strip() for name in by.split(",") if name.strip()]
    from_ms, to_ms = moment_ms(since, "--since", whole_hours=True), moment_ms(until, "--until")
    _check(view, output)
    connection: Connection = context.obj
    with connection.spend() as service:
        if view is View.TOP:
            if len(keys) != 1:
                raise Failure("--by: top spenders are by one dimension", code=USAGE)
            asked = spend_pb2.TopRequest(by=keys[0], from_ms=from_ms, to_ms=to_ms, filter=filters, limit=limit)
            views.top(service.Top(asked), keys[0], output)
        elif view is View.FORECAST:
            request = spend_pb2.ForecastRequest(period=period, timezone=timezone, group_by=keys, filter=filters)
            request.limit = limit
            views.forecast(service.Forecast(request), keys, output)
        elif view is View.CORRECTIONS:
            wanted = spend_pb2.CorrectionsRequest(from_ms=from_ms, limit=limit)
            views.corrections(service.Corrections(wanted), output)
        elif view is View.EXPORT:
            form = "csv" if output is Form.TABLE else output.value
            export = spend_pb2.ExportRequest(format=form, what=what, from_ms=from_ms, to_ms=to_ms, filter=filters)
            views.export(service.Export(export), file, binary=output is Form.PARQUET)
        else:
            sums = spend_pb2.SpendRequest(from_ms=from_ms, to_ms=to_ms, group_by=keys, filter=filters, limit=limit)
            answer: Any = service.Spend(sums)
            views.savings(answer, keys, output) if view is View.SAVINGS else views.sums(answer, keys, output)


def _check(view: View, output: Form) -> None:
    if output is Form.PARQUET and view is not View.EXPORT:
        raise Failure("-o parquet: only an export can be Parquet: gatewayctl spend export -o parquet", code=USAGE)
    if output is Form.CSV and view in (View.TOP, View.FORECAST, View.CORRECTIONS):
        raise Failure(f"-o csv: {view} is shown as table or json; sums and exports can be CSV", code=USAGE)


def _tags(given: list[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name or not value:
            raise Failure(f"--tag: expected name=value, came {one!r}", code=USAGE)
        found[f"tag:{name}"] = value
    return found
