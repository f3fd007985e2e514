"""Put documents: all of them or none."""

from __future__ import annotations

from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _changes, _documents, _live
from tollhouse.cli.failure import REFUSED
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    files: Annotated[list[str], typer.Option("-f", "--file", help="file or folder; - for standard input (repeatable)")],
    dry_run: Annotated[bool, typer.Option(help="say what would change and write nothing")] = False,
    prune: Annotated[
        bool, typer.Option(help="also delete objects of the documents' kinds that are not in them")
    ] = False,
    wait: Annotated[bool, typer.Option(help="wait until every node serves it")] = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait with --wait")] = 30.0,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> int:
    """Write documents (YAML or JSON, in the form of APISIX's standalone file), all in one transaction or none."""
    from tollhouse.proto.admin.v1 import config_pb2

    connection: Connection = context.obj
    documents = _documents.read(files)
    with connection.config() as config:
        with render.err().status("applying"):
            answer = config.Apply(config_pb2.ApplyRequest(documents=documents, dry_run=dry_run, prune=prune))
        if render.problems(answer.problems):
            render.err().print("[red]nothing was written[/]")
            return REFUSED
        if output is not Output.TABLE:
            changes = _changes.as_data(answer.changes)
            render.data({"revision": answer.revision, "dry_run": dry_run, "changes": changes}, output)
        else:
            _changes.show(answer.changes)
            done = "would be: " if dry_run else ""
            at = f", revision {answer.revision}" if answer.revision else ""
            render.out().print(f"{done}{_changes.summary(answer.changes)}{at}")
        if wait and not dry_run and answer.revision:
            nodes, seconds = _live.wait(config, answer.revision, timeout)
            render.err().print(f"live on {nodes} node{'' if nodes == 1 else 's'} after {seconds * 1000:.0f} ms")
    return 0
