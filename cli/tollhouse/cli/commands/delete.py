"""Remove an object."""

from __future__ import annotations

from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _live
from tollhouse.cli.commands._kinds import complete, plural


def run(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="routes, models, consumers, ...", autocompletion=complete)],
    object_id: Annotated[str, typer.Argument(metavar="ID")],
    force: Annotated[bool, typer.Option(help="also when something still refers to it")] = False,
    wait: Annotated[bool, typer.Option(help="wait until no node serves it any more")] = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait with --wait")] = 30.0,
) -> None:
    """Delete one object. Refused while something refers to it."""
    from tollhouse.proto.admin.v1 import config_pb2

    connection: Connection = context.obj
    wanted = plural(kind)
    with connection.config() as config:
        answer = config.Delete(config_pb2.DeleteRequest(kind=wanted, id=object_id, force=force))
        render.out().print(f"deleted {wanted}/{render.plain(object_id)}, revision {answer.revision}")
        if wait:
            _live.wait(config, answer.revision, timeout)
