"""The kill switch."""

from __future__ import annotations

from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _stops


def run(
    context: typer.Context,
    consumer: Annotated[str, typer.Argument(help="the agent to stop")] = "",
    group: Annotated[str, typer.Option(help="stop this group, with all groups below it")] = "",
    everyone: Annotated[bool, typer.Option("--all", help="stop everybody on routes that serve models")] = False,
    reason: Annotated[str, typer.Option(help="why; the callers are told")] = "",
) -> None:
    """Refuse an agent, a group or everybody on all nodes at once, until `gatewayctl resume`."""
    object_id, value = _stops.switch(consumer, group, everyone)
    if reason:
        value["desc"] = reason
    connection: Connection = context.obj
    told = _stops.put(connection, object_id, value)
    render.out().print(f"stopped {render.plain(object_id)}, {told}")
