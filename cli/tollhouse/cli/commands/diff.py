"""What an apply would change."""

from __future__ import annotations

from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _changes, _documents
from tollhouse.cli.failure import REFUSED
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    files: Annotated[list[str], typer.Option("-f", "--file", help="file or folder; - for standard input (repeatable)")],
    prune: Annotated[bool, typer.Option(help="as apply --prune would")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="exit with 1 when there are differences")] = False,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> int:
    """Show, object by object, what `apply` would change. Writes nothing."""
    from tollhouse.proto.admin.v1 import config_pb2

    connection: Connection = context.obj
    with connection.config() as config:
        request = config_pb2.ApplyRequest(documents=_documents.read(files), dry_run=True, prune=prune)
        answer = config.Apply(request)
    if render.problems(answer.problems):
        return REFUSED
    changed = [change for change in answer.changes if _changes.action(change) != "unchanged"]
    if output is not Output.TABLE:
        render.data(_changes.as_data(changed), output)
    else:
        for change in changed:
            _changes.show_difference(change)
        render.err().print(_changes.summary(answer.changes))
    return REFUSED if exit_code and changed else 0
