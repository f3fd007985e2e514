"""Turns a kill switch off again."""

from __future__ import annotations

from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _stops


def run(
    context: typer.Context,
    consumer: Annotated[str, typer.Argument(help="the agent to let in again")] = "",
    group: Annotated[str, typer.Option(help="let this group in again")] = "",
    everyone: Annotated[bool, typer.Option("--all", help="take back `stop --all`; single stops stay")] = False,
) -> None:
    """Let in again what `gatewayctl stop` refused."""
    object_id, _ = _stops.switch(consumer, group, everyone)
    connection: Connection = context.obj
    told = _stops.delete(connection, object_id)
    render.out().print(f"resumed {render.plain(object_id)}, {told}")
