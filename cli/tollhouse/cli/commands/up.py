"""Start everything on this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection

if TYPE_CHECKING:
    from tollhouse.cli.embedded.plan import Plan
    from tollhouse.cli.embedded.system import System


def run(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="with simulated providers and an example configuration")] = False,
    workers: Annotated[int, typer.Option(min=1, max=256, help="worker processes of the node")] = 2,
    listen: Annotated[
        str, typer.Option(help="address the gateway listens on; 0.0.0.0 for other machines")
    ] = "127.0.0.1",
    http_port: Annotated[int, typer.Option(help="where agents send traffic")] = 9080,
    https_port: Annotated[int, typer.Option(help="the same over TLS; 0: not at all")] = 9443,
    admin_port: Annotated[int, typer.Option(help="REST Admin API")] = 9180,
    admin_grpc_port: Annotated[int, typer.Option(help="gRPC admin API")] = 9181,
    control_port: Annotated[int, typer.Option(help="health and metrics of the node")] = 9090,
    node_grpc_port: Annotated[int, typer.Option(help="gRPC API of the node")] = 9092,
    once: Annotated[bool, typer.Option("--once", help="stop again after the first request; for tests")] = False,
) -> int:
    """Start etcd, a control plane and a node on this machine and keep them running; Ctrl-C stops them all.

    State (keys, etcd's data, logs) stays in ./.tollhouse/ and is found again by the next run.
    """
    from tollhouse.cli.embedded.plan import Plan, Ports
    from tollhouse.cli.embedded.state import State

    connection: Connection = context.obj
    state = State(connection.state_dir).open()
    try:
        ports = Ports(
            http=http_port,
            https=https_port,
            admin=admin_port,
            admin_grpc=admin_grpc_port,
            control=control_port,
            node_grpc=node_grpc_port,
        ).settled(demo=demo)
        plan = Plan(state, ports, demo=demo, workers=workers, listen=listen)
        return asyncio.run(_run(plan, once))
    finally:
        state.close()


async def _run(plan: Plan, once: bool) -> int:
    from tollhouse.cli.embedded.system import System

    console = render.err()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    system = System(plan, lambda line: console.print(f"[yellow]{render.plain(line)}[/]"))
    begun = time.monotonic()
    starting = asyncio.create_task(_start(system, begun), name="start")
    waiting = asyncio.create_task(ended.wait(), name="signal")
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            if not once:
                await waiting
        return 0
    finally:
        starting.cancel()
        waiting.cancel()
        await asyncio.wait({starting, waiting})  # raises nothing, whatever they ended with
        try:
            console.print("stopping", style="dim")
        finally:
            await system.stop()


async def _start(system: System, begun: float) -> None:
    console = render.err()
    plan = system.plan
    with console.status("starting") as status:
        await system.start(lambda part: status.update(f"starting {part}"))
        known = plan.state.remembered()
        if plan.demo and not known.get("demo_applied"):
            status.update("loading the example configuration")
            await system.apply()
            plan.state.remember(demo_applied=True)
        elif not plan.demo:
            _summary(plan, time.monotonic() - begun)
            return
        status.update("sending a first request")
        await _first_request(plan, system.connection())
    _summary(plan, time.monotonic() - begun)


async def _first_request(plan: Plan, connection: Connection) -> None:
    from tollhouse.cli.commands.ask import summary
    from tollhouse.cli.embedded import first_request
    from tollhouse.cli.failure import Failure

    console = render.out()
    try:
        told = await first_request.ask(f"http://127.0.0.1:{plan.ports.http}", "sk-test-key")
    except Failure as failure:
        render.err().print(f"[yellow]the first request failed:[/] {render.plain(failure.message)}")
        return
    route = await first_request.route_of(connection, f"127.0.0.1:{plan.ports.node_grpc}", "sk-test-key")
    console.print(f"\n[bold]A first request:[/] {first_request.QUESTION}")
    console.print(f"[green]{render.plain(told.text)}[/]")
    taken = f"route {route} · " if route else ""
    console.print(f"[dim]{render.plain(taken + summary(told))}[/]\n")


def _summary(plan: Plan, seconds: float) -> None:
    ports, console = plan.ports, render.out()
    flags = "" if str(plan.state.folder) == ".tollhouse" else f"--state-dir {plan.state.folder} "
    if ports.admin_grpc != 9181:
        flags += f"--server 127.0.0.1:{ports.admin_grpc} "
    program = _program()
    at = "" if ports.http == 9080 else f" --gateway http://127.0.0.1:{ports.http}"
    console.print(
        f"[bold]Tollhouse is up[/] after {seconds:.1f} s. State and logs: {plan.state.folder}. Ctrl-C stops it."
    )
    console.print(f"  agents      http://127.0.0.1:{ports.http}/v1  (OpenAI and Anthropic formats)")
    console.print(f"  metrics     http://127.0.0.1:{ports.http}/apisix/metrics" if plan.demo else "")
    console.print(f"  console     http://127.0.0.1:{ports.admin}/ui  (key: {plan.state.folder}/admin.key)")
    console.print(f"  Admin API   http://127.0.0.1:{ports.admin}/apisix/admin  (the same key)")
    console.print("")
    if not plan.demo:
        console.print(f"Next: {program} {flags}apply -f FILE, or start with --demo to see it work.")
        return
    simulated = ", ".join([*plan.simulated(), "qwen"])
    console.print(f"Simulated providers: {simulated}. Set OPENAI_API_KEY or ANTHROPIC_API_KEY for the real ones.")
    console.print("Try next, in another terminal:")
    console.print(f"  {program} {flags}ask 'Tell me a joke' --model qwen3-32b{at}")
    console.print(f"  {program} {flags}explain 'DROP TABLE users' --node 127.0.0.1:{ports.node_grpc}")
    if "anthropic" in plan.simulated():
        console.print(
            f"  curl -X POST http://127.0.0.1:{ports.anthropic}/_simulate -d '{{\"status\": 529}}'   "
            "[dim]# Anthropic is down: ask for sonnet and see who answers[/]"
        )
        console.print(f"  {program} {flags}ask 'Still there?' --model sonnet{at}")
    console.print(f"  {program} {flags}get routes; {program} {flags}nodes; {program} {flags}doctor")


def _program() -> str:
    """How the reader calls this program: by name when it is on the PATH, else as it was called now."""
    if shutil.which("gatewayctl") or not sys.argv[0].endswith(("gatewayctl", "gateayctl")):
        return "gatewayctl"
    return os.path.relpath(sys.argv[0])
