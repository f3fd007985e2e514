"""What is left of the budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.failure import Failure
from tollhouse.cli.render import Output
from tollhouse.proto.units import format_usd

SUMMED = ("spent", "reserved", "max_overshoot")


def run(
    context: typer.Context,
    budget: Annotated[str, typer.Argument(help="only this budget")] = "",
    node: Annotated[str, typer.Option(envvar="TOLLHOUSE_NODE", help="host:port of one node to ask; default: all")] = "",
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="first raise counts that say less than the ledger")
    ] = False,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """Show limit, spent, reserved, rest and reset of each budget, and by how much it could be passed at most."""
    connection: Connection = context.obj
    addresses = [node] if node else node_addresses(connection)
    if rebuild:
        for address in addresses:
            _rebuild(connection, address)
    answers = [_ask(connection, address) for address in addresses]
    states = gather(answers)
    rows = [state for state in states if budget in ("", state["budget"])]
    if budget and not rows:
        raise Failure(f"no node knows a budget {budget!r}", "gatewayctl get budgets lists them")
    if output is not Output.TABLE:
        render.data(rows, output)
        return
    columns = ("BUDGET", "FOR", "LIMIT", "SPENT", "RESERVED", "LEFT", "MAY PASS BY", "WINDOW", "RESETS")
    render.table(columns, map(_row, rows), "there are no budgets")


def node_addresses(connection: Connection) -> list[str]:
    """Where the nodes that are registered can be asked. Raises Failure where none is."""
    from tollhouse.proto.admin.v1 import config_pb2

    with connection.fleet() as fleet:
        answer = fleet.ListNodes(config_pb2.ListNodesRequest())
    found = [one.grpc_address for one in answer.nodes if one.grpc_address]
    if not found:
        raise Failure("no node is registered that could be asked", "gatewayctl nodes; --node HOST:PORT names one")
    return found


def _ask(connection: Connection, address: str) -> Any:
    from tollhouse.proto.admin.v1 import spend_pb2

    with connection.node_budgets(address) as service:
        return service.ListBudgets(spend_pb2.ListBudgetsRequest())


def _rebuild(connection: Connection, address: str) -> None:
    from tollhouse.proto.admin.v1 import spend_pb2

    with connection.node_budgets(address) as service:
        done = service.RebuildBudgets(spend_pb2.RebuildBudgetsRequest())
    render.err().print(f"{address}: {done.compared} counts compared with the ledger, {done.raised} raised")


def gather(answers: list[Any]) -> list[dict[str, Any]]:
    """One line per budget and key. Counts that all nodes share are told by each of them; others are added up, and
    since every node may then spend the whole amount, the budget may be passed by the amounts of the others."""
    found: dict[str, dict[str, Any]] = {}
    for answer in answers:
        for one in answer.budgets:
            line = found.get(one.key)
            if line is None:
                line = found[one.key] = {
                    "budget": one.budget,
                    "key": one.key,
                    "for": one.key.partition("|")[2],
                    "unit": one.unit,
                    "window": one.window,
                    "limit": one.limit,
                    **dict.fromkeys(SUMMED, 0),
                    "resets": "",
                    "enforced": one.enforced,
                    "batches": one.batches,
                    "nodes": 0,
                    "shared": answer.store != "node",
                }
            line["nodes"] += 1
            for name in SUMMED:
                add = max if line["shared"] else int.__add__
                line[name] = add(line[name], int(getattr(one, name)))
            if one.resets_ms:
                line["resets"] = datetime.fromtimestamp(one.resets_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for line in found.values():
        if not line["shared"]:
            line["max_overshoot"] += (len(answers) - 1) * line["limit"]
        line["remaining"] = max(0, line["limit"] - line["spent"] - line["reserved"])
        if line["unit"] == "usd":
            for name in ("limit", "remaining", *SUMMED):
                line[name] = format_usd(line[name])
    return [found[key] for key in sorted(found)]


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    unit = line["unit"]
    name = render.plain(line["budget"]) + ("" if line["enforced"] else " [dim](only counted)[/]")
    amounts = (line["spent"], line["reserved"], line["remaining"])
    bound = f"{line['max_overshoot']}{' + batches' if line['batches'] else ''}"
    limit = f"{line['limit']} {unit}"
    return (
        name,
        render.plain(line["for"] or "-"),
        limit,
        *map(str, amounts),
        bound,
        line["window"],
        line["resets"] or "-",
    )
