"""The targets of a node: how they are doing, and an operator's word on them."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import DEFAULT_NODE, Connection
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.cli.render import Output


class Action(StrEnum):
    """What may be done to a target's breaker."""

    OPEN = "open"
    CLOSE = "close"
    RESET = "reset"


_SEVERITY = {"closed": 0, "half_open": 1, "open": 2}
_COLOURS = {"closed": "green", "half_open": "yellow", "open": "red"}
_HEADINGS = (
    *("NODE", "TARGET", "MODEL", "BREAKER", "PROBE", "IN FLIGHT", "WAITING"),
    *("FIRST TOKEN", "PER TOKEN", "QUOTA LEFT", "WHY"),
)
_DONE = {
    Action.OPEN: "is kept shut: no request goes there until reset",
    Action.CLOSE: "is kept open to traffic, whatever its breaker finds, until reset",
    Action.RESET: "is judged by its breaker again, which begins closed",
}


def run(
    context: typer.Context,
    action: Annotated[Action | None, typer.Argument(help="open: keep it shut, close: keep it in, reset")] = None,
    name: Annotated[str, typer.Argument(help="the target's name, or name/model")] = "",
    node: Annotated[str, typer.Option(envvar="TOLLHOUSE_NODE", help="host:port of the node asked")] = DEFAULT_NODE,
    everywhere: Annotated[bool, typer.Option("--all", help="on every node of the fleet")] = False,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """Show targets with their breakers, load and latency; with an action, open, close or reset a target's breaker."""
    connection: Connection = context.obj
    if action is not None and not name:
        raise Failure(f"{action.value} needs the name of a target", "gatewayctl targets lists them", USAGE)
    addresses = _fleet(connection) if everywhere else [node]
    if action is not None:
        _act(connection, addresses, action, name)
        return
    shown = [line for address in addresses for line in _health(connection, address)]
    if output is not Output.TABLE:
        render.data(shown, output)
        return
    render.table(
        _HEADINGS,
        [_row(line) for line in shown],
        "no target was used yet",
    )


def _fleet(connection: Connection) -> list[str]:
    from tollhouse.proto.admin.v1 import config_pb2

    with connection.fleet() as fleet:
        answer = fleet.ListNodes(config_pb2.ListNodesRequest())
    return [node.grpc_address for node in answer.nodes if node.grpc_address]


def _act(connection: Connection, addresses: list[str], action: Action, name: str) -> None:
    from tollhouse.proto.admin.v1 import node_pb2

    known = 0
    for address in addresses:
        with connection.node(address) as asked:
            known += asked.SetTarget(node_pb2.SetTargetRequest(name=name, action=action.value)).known
    where = f"{len(addresses)} node{'s' if len(addresses) != 1 else ''}"
    render.out().print(f"{render.plain(name)} {_DONE[action]} ({where})")
    if not known:
        render.err().print(f"[yellow]warning:[/] no target called {render.plain(name)} was used so far")


def _health(connection: Connection, address: str) -> list[dict[str, Any]]:
    """One line per target of a node; its workers' numbers together, the worst breaker."""
    from tollhouse.proto.admin.v1 import node_pb2

    with connection.node(address) as asked:
        answer = asked.TargetHealth(node_pb2.TargetHealthRequest())
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for worker in answer.workers:
        if worker.error:
            render.err().print(f"[yellow]warning:[/] worker {worker.worker} did not answer: {worker.error}")
            continue
        for told in json.loads(worker.targets_json):
            told.setdefault("probe", "")  # of a node that is older than this command
            known = lines.setdefault((told["name"], told["model"]), {"node": address, **told})
            if known.get("seen"):
                _join(known, told)
            known["seen"] = True
    for line in lines.values():
        line.pop("seen")
    return list(lines.values())


def _join(known: dict[str, Any], told: dict[str, Any]) -> None:
    worse = _SEVERITY[told["breaker"]] > _SEVERITY[known["breaker"]]
    for field in ("breaker", "status", "reason", "forced", "retry_in_s") if worse else ():
        known[field] = told[field]
    if "unhealthy" in (known["probe"], told["probe"]):
        known["probe"] = "unhealthy"
    known["probe"] = known["probe"] or told["probe"]
    for field in ("in_flight", "waiting"):
        known[field] += told[field]
    for field in ("first_byte_ms", "start_ms", "token_ms"):
        known[field] = max(known[field], told[field])
    shares = [one for one in (known["headroom"], told["headroom"]) if one is not None]
    known["headroom"] = min(shares, default=None)


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    breaker = f"[{_COLOURS[line['breaker']]}]{line['breaker']}[/]" + (" (forced)" if line["forced"] else "")
    headroom = "-" if line["headroom"] is None else f"{line['headroom']:.0%}"
    return (
        line["node"],
        render.plain(line["name"]),
        render.plain(line["model"] or "as asked"),
        breaker,
        f"[{'red' if line['probe'] == 'unhealthy' else 'green'}]{line['probe']}[/]" if line["probe"] else "-",
        str(line["in_flight"]),
        str(line["waiting"]),
        f"{line['start_ms']:.0f} ms" if line["start_ms"] else "-",
        f"{line['token_ms']:.1f} ms" if line["token_ms"] else "-",
        headroom,
        render.plain(line["reason"]),
    )
