"""The data-plane nodes and what each serves."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """List the nodes: the revision each serves, its workers, and the objects it refuses."""
    from tollhouse.proto.admin.v1 import config_pb2

    connection: Connection = context.obj
    with connection.fleet() as fleet:
        answer = fleet.ListNodes(config_pb2.ListNodesRequest())
    if output is not Output.TABLE:
        from google.protobuf.json_format import MessageToDict

        shown = MessageToDict(answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        render.data(shown, output)
        return
    rows = [_row(node, answer.revision) for node in answer.nodes]
    render.table(
        ("NODE", "HOST", "SERVES", "GRPC", "WORKERS", "REVISION", "SOURCE", "UP", "REFUSED"),
        rows,
        "no node is registered",
    )
    for node in answer.nodes:
        for one in node.refused:
            kept = f"version {one.kept_revision} is served on" if one.kept_revision else "it is not served"
            render.err().print(
                f"[yellow]{render.plain(node.id)} refuses {one.kind}/{render.plain(one.id)}:[/] "
                f"{render.plain(one.reason)} [dim]({kept})[/]"
            )


def _row(node: Any, newest: int) -> tuple[str, ...]:
    lag = newest - node.applied_revision
    revision = f"{node.applied_revision}" if lag <= 0 else f"{node.applied_revision} [yellow](newest {newest})[/]"
    workers = f"{node.workers_alive}/{node.workers}"
    if node.workers_alive < node.workers:
        workers = f"[red]{workers}[/]"
    source = "[yellow]draining[/]" if node.draining else node.source
    refused = f"[red]{len(node.refused)}[/]" if node.refused else "0"
    up = _duration(time.time() - node.started_at)
    return node.id, node.hostname, node.http_address, node.grpc_address, workers, revision, source, up, refused


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
