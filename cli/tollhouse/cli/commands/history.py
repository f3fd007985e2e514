"""What was changed, when, and by whom."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _changes
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="how many writes")] = 20,
    before: Annotated[int, typer.Option(help="only revisions older than this")] = 0,
    kind: Annotated[str, typer.Option(help="only writes that touched this kind (routes, consumers, ...)")] = "",
    object_id: Annotated[str, typer.Option("--id", help="only writes that touched this object")] = "",
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """List the last writes of the configuration, the newest first; `show` tells what one of them changed."""
    from tollhouse.proto.admin.v1 import history_pb2

    connection: Connection = context.obj
    request = history_pb2.ListWritesRequest(limit=limit, before=before, kind=kind, id=object_id)
    with connection.history() as history:
        writes = history.ListWrites(request).writes
    if output is not Output.TABLE:
        render.data([as_data(write) for write in writes], output)
        return
    rows = [
        (str(write.revision), moment(write.at), render.plain(write.author), write.via, render.plain(_what(write)))
        for write in writes
    ]
    render.table(("REVISION", "WHEN", "WHO", "BY", "WHAT"), rows, "nothing was written yet")


def moment(at: float) -> str:
    """Local time, to the second."""
    return datetime.fromtimestamp(at).isoformat(" ", "seconds")


def as_data(write: Any) -> dict[str, Any]:
    """A write for scripts."""
    return {
        "revision": write.revision,
        "at": write.at,
        "author": write.author,
        "via": write.via,
        "purpose": write.purpose,
        "changes": _changes.as_data(write.changes),
    }


def _what(write: Any) -> str:
    named = [f"{_changes.action(change)} {change.kind}/{change.id}" for change in write.changes[:3]]
    more = len(write.changes) - len(named)
    text = ", ".join(named) + (f" and {more} more" if more else "")
    return f"{write.purpose}: {text}" if write.purpose else text
