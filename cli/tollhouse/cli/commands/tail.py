"""Requests as they happen."""

from __future__ import annotations

import json
import queue
import sys
import threading
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.failure import REFUSED, Failure
from tollhouse.cli.render import Output

BACKLOG = 5000


def run(
    context: typer.Context,
    agent: Annotated[str, typer.Option(help="only requests of this consumer")] = "",
    model: Annotated[str, typer.Option(help="only requests a model with this in its name answered")] = "",
    route: Annotated[str, typer.Option(help="only requests of this route")] = "",
    status: Annotated[str, typer.Option(help="only this status; 5xx stands for all from 500")] = "",
    errors: Annotated[bool, typer.Option(help="only requests that were refused or failed")] = False,
    count: Annotated[int, typer.Option("-n", "--count", help="end after so many; 0: never")] = 0,
    most: Annotated[int, typer.Option(min=1, max=1000, help="at most so many a second from each node")] = 100,
    output: Annotated[Output, typer.Option("-o", "--output", help="table, or json: one object a line")] = Output.TABLE,
) -> None:
    """Show finished requests of all nodes from now on: when, who, what, which model, how long, what it cost."""
    connection: Connection = context.obj
    shown = 0
    console = render.out()
    for node, lost, entry in _follow(connection, most):
        if lost:
            render.err().print(f"[dim]{lost} more were too fast to show[/]")
        if not _fits(entry, agent, model, route, status, errors):
            continue
        if output is Output.TABLE:
            console.print(_line(entry))
        else:
            sys.stdout.write(json.dumps({"node": node, **entry}, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        shown += 1
        if count and shown >= count:
            return


def _follow(connection: Connection, most: int) -> Any:
    from tollhouse.proto.admin.v1 import config_pb2, node_pb2

    with connection.fleet() as fleet:
        nodes = list(fleet.ListNodes(config_pb2.ListNodesRequest()).nodes)
    if not nodes:
        raise Failure("no node is registered", "start one, or everything with gatewayctl up", REFUSED)
    events: queue.Queue[Any] = queue.Queue(BACKLOG)

    def follow(node: Any) -> None:
        try:
            with connection.node(node.grpc_address) as asked:
                for event in asked.Tail(node_pb2.TailRequest(most_per_second=most)):
                    events.put((node.id, event.lost, json.loads(event.entry_json)))
        except Failure as error:
            events.put(error)

    for node in nodes:
        threading.Thread(target=follow, args=(node,), daemon=True).start()
    render.err().print(f"[dim]following {len(nodes)} node{'' if len(nodes) == 1 else 's'}; Ctrl-C ends it[/]")
    ended = 0
    while ended < len(nodes):
        event = events.get()
        if isinstance(event, Failure):
            ended += 1
            if ended == len(nodes):
                raise event
            render.err().print(f"[red]{render.plain(event.message)}[/]")
        else:
            yield event


def _fits(entry: dict[str, Any], agent: str, model: str, route: str, status: str, errors: bool) -> bool:
    code = str(entry.get("status", ""))
    return (
        (not agent or entry.get("consumer") == agent)
        and (not model or model in entry.get("model", ""))
        and (not route or entry.get("route_id") == route)
        and (not status or code == status or (status.endswith("xx") and code[:1] == status[:1]))
        and (not errors or code >= "400" or "error" in entry)
    )


def _line(entry: dict[str, Any]) -> str:
    status = entry["status"]
    colour = "red" if status >= 500 else "yellow" if status >= 400 else "green"
    tokens = entry.get("tokens")
    parts = [
        f"[dim]{entry['time'][11:23]}[/]",
        f"[{colour}]{status}[/]",
        render.plain(entry.get("consumer") or "-"),
        render.plain(f"{entry['method']} {entry['uri']}"),
        render.plain(f"{entry['model']} ({entry['target']})" if entry.get("model") else entry.get("target", "-")),
        f"{entry['latency']:.0f} ms",
        f"{tokens['input']}/{tokens['output']} tokens" if tokens else "",
        f"${entry['cost_usd']}" if "cost_usd" in entry else "",
        f"[yellow]{len(entry['attempts'])} tries[/]" if len(entry.get("attempts", ())) > 1 else "",
        f"[{colour}]{render.plain(entry['error'])}[/]" if "error" in entry else "",
    ]
    return "  ".join(part for part in parts if part)
