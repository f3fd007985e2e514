"""A provider's own report of usage or cost beside the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands._times import shown
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.proto.units import format_usd

_MEANING = {
    "missing_here": "did not come through the gateway",
    "missing_there": "the provider's report does not have it",
    "estimate": "was estimated here",
    "tokens": "other tokens than the provider told us",
    "price": "the same tokens cost something else",
}


def run(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="the report: usage, cost, or one file of each")],
    provider: Annotated[
        str, typer.Option(help="the provider's id in the ledger; openai or anthropic when not given")
    ] = "",
    correct: Annotated[
        str, typer.Option(help=f"book corrections for these causes ({', '.join(_MEANING)}; comma); none: only compare")
    ] = "",
    reason: Annotated[str, typer.Option(help="stands in the corrections")] = "",
    output: Annotated[render.Output, typer.Option("-o", "--output", help="form of the answer")] = render.Output.TABLE,
) -> None:
    """Compare a provider's report (OpenAI's usage and costs, Anthropic's usage_report and cost_report: JSON or CSV)
    with the ledger, by day and model and cause; correct what is wrong with entries of their own."""
    from tollhouse.proto.admin.v1 import spend_pb2

    causes = [name.strip() for name in correct.split(",") if name.strip()]
    request = spend_pb2.ReconcileRequest(provider=provider, correct=causes, reason=reason)
    for file in files:
        try:
            request.reports.append(file.read_bytes())
        except OSError as error:
            raise Failure(f"{file} cannot be read: {error.strerror}", code=USAGE) from None
    connection: Connection = context.obj
    with connection.spend() as service:
        answer = service.Reconcile(request)
    lines = [
        {
            "day": one.day,
            "model": one.model,
            "cause": one.cause,
            "usd": format_usd(one.nano_usd),
            "tokens": one.tokens,
            "requests": one.requests,
            "note": one.note or _MEANING.get(one.cause, ""),
        }
        for one in answer.differences
    ]
    if output is not render.Output.TABLE:
        data = {
            "forms": list(answer.forms),
            "provider": answer.provider,
            "from": shown(answer.from_ms),
            "to": shown(answer.to_ms),
            "here_usd": format_usd(answer.here_nano_usd),
            "there_usd": format_usd(answer.there_nano_usd),
            "differences": lines,
            "corrections": answer.corrections,
            "corrected_usd": format_usd(answer.corrected_nano_usd),
            "notes": list(answer.notes),
        }
        render.data(data, output)
        return
    heads = ("DAY", "MODEL", "CAUSE", "USD", "TOKENS", "REQUESTS", "")
    render.table(heads, [[render.plain(value) for value in line.values()] for line in lines], "no differences")
    console = render.err()
    for note in answer.notes:
        console.print(f"[yellow]{render.plain(note)}[/]")
    here, there = format_usd(answer.here_nano_usd), format_usd(answer.there_nano_usd)
    console.print(f"{', '.join(answer.forms)}: the ledger has {here} USD, the provider {there}")
    if answer.corrections:
        console.print(f"{answer.corrections} entries booked, {format_usd(answer.corrected_nano_usd)} USD together")
    elif lines and not causes:
        console.print("[dim]--correct CAUSE,... books corrections[/]")
