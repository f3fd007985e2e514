"""Take back everything that was written after a revision."""

from __future__ import annotations

from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _changes, _live
from tollhouse.cli.failure import REFUSED


def run(
    context: typer.Context,
    revision: Annotated[int, typer.Argument(help="the last write that stays; `history` lists them")],
    dry_run: Annotated[bool, typer.Option(help="only show what would change")] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="do not ask")] = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait until every node serves it")] = 30.0,
) -> int:
    """Make the configuration as it was right after REVISION. That is a new revision, validated, all or nothing."""
    from tollhouse.proto.admin.v1 import config_pb2, history_pb2

    connection: Connection = context.obj
    with connection.fleet() as fleet:
        seen = fleet.ListNodes(config_pb2.ListNodesRequest()).revision
    with connection.history() as history:
        planned = history.Rollback(history_pb2.RollbackRequest(revision=revision, dry_run=True))
        changed = [change for change in planned.changes if _changes.action(change) != "unchanged"]
        for change in changed:
            _changes.show_difference(change, ("now", f"as in {revision}"))
        if render.problems(planned.problems):
            return REFUSED
        render.err().print(_changes.summary(planned.changes))
        if dry_run or not changed:
            return 0
        if not yes:
            typer.confirm("Write this?", abort=True)
        request = history_pb2.RollbackRequest(revision=revision, if_revision=seen)
        done = history.Rollback(request)
        if render.problems(done.problems):
            return REFUSED
    with connection.config() as config:
        nodes, took_s = _live.wait(config, done.revision, timeout)
    render.err().print(
        f"[green]live[/] on {nodes} node{'' if nodes == 1 else 's'} at revision {done.revision} after {took_s:.2f} s"
    )
    return 0
