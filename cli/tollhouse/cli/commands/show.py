"""What one write changed."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _changes, history
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    revision: Annotated[int, typer.Argument(help="the write's revision, as `history` lists it")],
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """Show one write: who, when, and each object before and after, with secrets masked."""
    from tollhouse.proto.admin.v1 import history_pb2

    connection: Connection = context.obj
    with connection.history() as asked:
        write = asked.ShowWrite(history_pb2.ShowWriteRequest(revision=revision))
    if output is not Output.TABLE:
        told = history.as_data(write)
        for shown, change in zip(told["changes"], write.changes, strict=True):
            shown["before"] = json.loads(change.before_json or b"null")
            shown["after"] = json.loads(change.after_json or b"null")
        render.data(told, output)
        return
    purpose = f" ({write.purpose})" if write.purpose else ""
    render.out().print(
        f"revision [bold]{write.revision}[/], {history.moment(write.at)}, "
        f"by [bold]{render.plain(write.author)}[/] over {write.via}{render.plain(purpose)}"
    )
    for change in write.changes:
        _changes.show_difference(change, ("before", "after"))
