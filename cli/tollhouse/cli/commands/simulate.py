"""Run a provider simulator."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

import typer
from tollhouse.cli import render
from tollhouse.cli.failure import USAGE, Failure


def run(
    kind: Annotated[str, typer.Argument(help="openai, anthropic or qwen")],
    listen: Annotated[str, typer.Option(help="host:port")] = "127.0.0.1:0",
    key: Annotated[str, typer.Option(help="accept only this key; default: any that is not empty")] = "",
    models: Annotated[list[str], typer.Option("--model", help="serve only these names, globs allowed")] = [],  # noqa: B006
    first_token_ms: Annotated[float, typer.Option(help="wait before the first content")] = 0,
    token_ms: Annotated[float, typer.Option(help="wait between two tokens")] = 0,
    script: Annotated[
        str, typer.Option(help="anything the header x-simulate takes, e.g. 'status=529; retry_after=2'")
    ] = "",
    cache_min_tokens: Annotated[int, typer.Option(help="shortest prompt prefix reported as cached")] = 1024,
    log_size: Annotated[int, typer.Option(min=1, help="how many requests /_log remembers")] = 1000,
) -> None:
    """Serve a provider's wire format on loopback: streams, tools, usage, errors, latency and cuts, all scripted.

    A request's own script: `x-simulate: status=529; cut_after=5`. The mode from now on: `POST /_simulate` with the same
    fields as JSON. What was received and billed: `GET /_log`.
    """
    from tollhouse.cli.simulator import Script, Simulator
    from tollhouse.cli.simulator.script import parse_header
    from tollhouse.cli.simulator.server import Kind

    if kind not in ("openai", "anthropic", "qwen", "gemini"):
        raise Failure(f"there is no simulator {kind!r}", "there are openai, anthropic, qwen and gemini", USAGE)
    host, _, port = listen.rpartition(":")
    if not port.isdecimal():
        raise Failure(f"--listen: expected host:port, came {listen!r}", code=USAGE)
    try:
        told = Script(first_token_ms=first_token_ms, token_ms=token_ms).over(parse_header(script))
    except ValueError as error:
        raise Failure(f"--script: {error}", code=USAGE) from None
    simulator = Simulator(
        cast(Kind, kind),
        host=host or "127.0.0.1",
        port=int(port),
        key=key or None,
        models=tuple(models),
        script=told,
        cache_min_tokens=cache_min_tokens,
        log_size=log_size,
    )
    _event_loop(_serve(simulator))


def _event_loop(work: Any) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
        return
    uvloop.run(work)


async def _serve(simulator: Any) -> None:
    import signal

    try:
        await simulator.start()
    except OSError as error:
        raise Failure(f"cannot listen: {error.strerror}", "choose another --listen") from None
    render.out().print(f"simulating {simulator.kind} at {simulator.url} (Ctrl-C ends)")
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await simulator.stop()
