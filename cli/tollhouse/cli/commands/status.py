"""Is everything fine, and if not, what to do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import DEFAULT_NODE, Connection
from tollhouse.cli.commands import _money_findings
from tollhouse.cli.commands._findings import Finding
from tollhouse.cli.commands._numbers import Numbers
from tollhouse.cli.failure import REFUSED, Failure
from tollhouse.cli.render import Output

NAMES = (
    "apisix_http_status",
    "tollhouse_config_age_seconds",
    "tollhouse_counters_reachable",
    "tollhouse_llm_unpriced_total",
    "tollhouse_log_entries_dropped_total",
    "tollhouse_spans_dropped_total",
    *_money_findings.NAMES,
)
STALE_S = 60
KEPT_SHUT = "an operator keeps it shut"
"""What a node says of a target somebody closed: no breaker opens it again."""
FAILED_SHARE = 0.01
_ETCD_GONE = "see whether etcd answers; nodes serve on with what they have, changes are refused until then"


def run(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(min=0, help="how long to count requests")] = 1.0,
    node: Annotated[
        str, typer.Option(envvar="TOLLHOUSE_NODE", help="node to look at when no control plane answers")
    ] = DEFAULT_NODE,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> int:
    """Look once at everything: control plane, nodes, configuration, targets, counters, requests, money. Exit code 1
    when something is bad; each finding says what to do."""
    connection: Connection = context.obj
    findings = list(_look(connection, seconds, node))
    if output is not Output.TABLE:
        render.data([asdict(finding) for finding in findings], output)
    else:
        _show(findings)
    return REFUSED if any(finding.state == "bad" for finding in findings) else 0


def _show(findings: list[Finding]) -> None:
    signs = {"good": "[green]ok[/]", "warning": "[yellow]warning[/]", "bad": "[red]bad[/]"}
    rows = [(signs[one.state], one.what, render.plain(one.found), render.plain(one.remedy)) for one in findings]
    render.table(("", "WHAT", "FOUND", "WHAT TO DO"), rows)
    troubles = [one for one in findings if one.state != "good"]
    if troubles:
        render.err().print(f"[yellow]{len(troubles)} of {len(findings)} need attention[/]")
    else:
        render.err().print("[green]everything is fine[/]")


def _look(connection: Connection, seconds: float, node: str) -> Iterator[Finding]:
    from tollhouse.proto.admin.v1 import config_pb2

    try:
        with connection.fleet() as fleet:
            told = fleet.ListNodes(config_pb2.ListNodesRequest())
    except Failure as error:
        remedy = _ETCD_GONE if "etcd" in error.message else error.hint or "start it; nodes serve on without it"
        yield Finding("control plane", "bad", error.message, remedy)
        yield _serves_on(connection, node)
        return
    yield Finding("control plane", "good", f"answers at {connection.server}, revision {told.revision}")
    yield from _nodes(told)
    yield from _everybody(connection)
    if not told.nodes:
        return
    before = Numbers.read(connection, NAMES)
    time.sleep(seconds)
    now = Numbers.read(connection, NAMES)
    yield from _numbers(now, before, seconds)
    yield from _targets(connection, told.nodes)
    yield from _money_findings.look(connection, now, before)


def _serves_on(connection: Connection, node: str) -> Finding:
    """One node by its address: whether agents are served is the first thing to know when nobody knows the fleet."""
    from tollhouse.proto.admin.v1 import node_pb2

    try:
        with connection.node(node) as asked:
            told = asked.Numbers(node_pb2.NumbersRequest(names=("tollhouse_workers_serving",)), timeout=5)
    except Failure as error:
        found = f"{error.message}; which others there are, the control plane would know"
        return Finding(f"node {node}", "warning", found, "--node HOST:PORT looks at another one")
    serving = sum(series.value for family in told.families for series in family.series)
    if not serving:
        return Finding(f"node {node}", "bad", "no worker serves", "see its log, and GET /readyz on its control port")
    return Finding(f"node {node}", "good", f"serves on with {serving:.0f} workers and the configuration it has")


def _nodes(told: Any) -> Iterator[Finding]:
    if not told.nodes:
        yield Finding("nodes", "bad", "none is registered", "start tollhouse-dataplane; see its log for why it ended")
        return
    behind = [node.id for node in told.nodes if node.applied_revision < told.revision and not node.draining]
    if behind:
        found = f"{', '.join(behind)} not at revision {told.revision} yet"
        yield Finding("configuration", "warning", found, "wait a second; then see gatewayctl nodes and the node's log")
    else:
        all_of_them = "the node serves" if len(told.nodes) == 1 else f"all {len(told.nodes)} nodes serve"
        yield Finding("configuration", "good", f"{all_of_them} revision {told.revision}")
    for node in told.nodes:
        if not node.workers_alive:
            yield Finding(
                f"node {node.id}", "bad", "no worker serves", "see its log, and GET /readyz on its control port"
            )
        elif node.workers_alive < node.workers:
            found = f"{node.workers_alive} of {node.workers} workers serve"
            yield Finding(f"node {node.id}", "warning", found, "they are replaced at once; if it goes on, see its log")
        for one in node.refused:
            kept = "its last good version is served" if one.kept_revision else "it is not served"
            found = f"{one.kind}/{one.id} is refused ({kept}): {one.reason}"
            yield Finding(f"node {node.id}", "bad", found, "correct it, or gatewayctl history and rollback")


def _everybody(connection: Connection) -> Iterator[Finding]:
    """Nothing fails while everybody is stopped, and nobody is served."""
    from tollhouse.proto.admin.v1 import config_pb2

    try:
        with connection.config() as config:
            stops = config.List(config_pb2.ListRequest(kind="stops")).objects
    except Failure:
        return  # who may not see kill switches need not know
    for stop in (json.loads(one.value_json) for one in stops):
        if stop.get("everyone"):
            why = f" ({stop['desc']})" if stop.get("desc") else ""
            yield Finding(
                "kill switch", "bad", f"everybody is stopped{why}", "gatewayctl resume --all serves them again"
            )


def _numbers(now: Numbers, before: Numbers, seconds: float) -> Iterator[Finding]:
    for node, why in now.silent.items():
        yield Finding(f"node {node}", "bad", why, "is it reachable from here, with the same TOLLHOUSE_ADMIN_KEY?")
    for node, age in now.by_node("tollhouse_config_age_seconds").items():
        if age > STALE_S:
            found = f"has not heard of its configuration for {age:.0f} s"
            yield Finding(f"node {node}", "bad", found, "see whether etcd answers; until then changes do not reach it")
    for node, reachable in now.by_node("tollhouse_counters_reachable").items():
        if not reachable:
            remedy = "see whether Redis answers; limits do what their policy says until then"
            yield Finding(f"node {node}", "bad", "cannot reach the store limits are counted in", remedy)
    total = sum(now.sums("apisix_http_status", lambda labels: "all", before).values())
    failed = sum(now.sums("apisix_http_status", lambda labels: "x" if labels["code"] >= "500" else "", before).values())
    if not now.sums("apisix_http_status", lambda labels: "all"):
        remedy = "put the plugin prometheus into a global rule, to see requests here, in top and in the console"
        yield Finding("requests", "warning", "nobody counts them (or there was none yet)", remedy)
    elif total and failed / total > FAILED_SHARE:
        found = f"{failed / total:.0%} of {total:.0f} requests in {seconds:g} s failed"
        yield Finding("requests", "bad", found, "gatewayctl tail --errors shows them, gatewayctl targets who fails")
    else:
        yield Finding("requests", "good", f"{total:.0f} in {seconds:g} s, {failed:.0f} failed")
    for name, what in (
        ("tollhouse_log_entries_dropped_total", "log entries"),
        ("tollhouse_spans_dropped_total", "spans"),
    ):
        lost = sum(now.sums(name, lambda labels: "all", before).values())
        if lost:
            yield Finding(
                "telemetry", "warning", f"{lost:.0f} {what} were lost just now", "its receiver does not keep up"
            )


def _targets(connection: Connection, nodes: Any) -> Iterator[Finding]:
    from tollhouse.proto.admin.v1 import node_pb2

    unwell: dict[str, str] = {}
    seen: set[str] = set()
    for node in nodes:
        try:
            with connection.node(node.grpc_address) as asked:
                told = asked.TargetHealth(node_pb2.TargetHealthRequest(), timeout=5)
        except Failure:
            continue  # said above already
        for worker in told.workers:
            for one in json.loads(worker.targets_json or b"[]"):
                seen.add(one["name"])
                if one["status"] != "healthy":
                    unwell.setdefault(one["name"], one["reason"])
    for name, reason in sorted(unwell.items()):
        remedy = "others carry its load; a dead key must be replaced, else it is tried again by itself"
        if reason == KEPT_SHUT:
            remedy = f"others carry its load until gatewayctl targets reset {name} --all"
        yield Finding(f"target {name}", "bad" if len(unwell) == len(seen) else "warning", reason, remedy)
    if seen and not unwell:
        yield Finding("targets", "good", f"all {len(seen)} that were used are well")
