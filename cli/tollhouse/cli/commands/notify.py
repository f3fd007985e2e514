"""Tries a notifier out."""

from __future__ import annotations

from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands.budgets import node_addresses
from tollhouse.cli.failure import Failure


def run(
    context: typer.Context,
    notifier: Annotated[str, typer.Argument(help="the notifier's id")],
    node: Annotated[
        str, typer.Option(envvar="TOLLHOUSE_NODE", help="host:port of the node that sends; default: one there is")
    ] = "",
) -> None:
    """Let a node send a test event to a notifier, and say whether it arrived."""
    from tollhouse.proto.admin.v1 import spend_pb2

    connection: Connection = context.obj
    with connection.node_budgets(node or node_addresses(connection)[0]) as service:
        answer = service.TestNotifier(spend_pb2.TestNotifierRequest(notifier=notifier))
    if answer.problem:
        raise Failure(f"not delivered: {answer.problem}", "gatewayctl get notifiers shows how it is configured")
    render.out().print(f"{render.plain(notifier)} took the test event")
