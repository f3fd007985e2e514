"""Send a prompt through the gateway and show what happened to it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, cast

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.cli.render import Output

if TYPE_CHECKING:
    from tollhouse.cli.gateway_request import Told

DEFAULT_GATEWAY = "http://127.0.0.1:9080"


def run(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="what to ask; - reads standard input")],
    model: Annotated[str, typer.Option("-m", "--model", help="model to ask for")] = "gpt-4o",
    gateway: Annotated[str, typer.Option(envvar="TOLLHOUSE_GATEWAY", help="base URL of the gateway")] = DEFAULT_GATEWAY,
    key: Annotated[
        str, typer.Option(envvar="TOLLHOUSE_KEY", help="the agent's key; default: the demo agent's, when there is one")
    ] = "",
    form: Annotated[str, typer.Option("--format", help="openai or anthropic")] = "openai",
    stream: Annotated[bool, typer.Option(help="show the answer as it is made; the cost comes only without")] = True,
    max_tokens: Annotated[int, typer.Option(help="longest answer")] = 1000,
    system: Annotated[str, typer.Option(help="system prompt")] = "",
    header: Annotated[list[str], typer.Option("-H", "--header", help="'name: value' (repeatable)")] = [],  # noqa: B006
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """Ask a model through the gateway: the answer on standard output, then model, target, tokens, cost and latency."""
    from tollhouse.cli.gateway_request import Format, Prompt, send

    connection: Connection = context.obj
    if form not in ("openai", "anthropic"):
        raise Failure(f"--format: there is openai and anthropic, came {form!r}", code=USAGE)
    kept = connection.state_dir / "demo-agent.key"
    asked = Prompt(
        gateway=gateway,
        text=sys.stdin.read() if prompt == "-" else prompt,
        model=model,
        key=key or (kept.read_text().strip() if kept.is_file() else ""),
        format=cast(Format, form),
        stream=stream,
        max_tokens=max_tokens,
        system=system,
        headers=tuple(_pair(line) for line in header),
    )
    shown = output is Output.TABLE
    told = asyncio.run(send(asked, _print if shown else lambda text: None))
    if not shown:
        render.data(asdict(told), output)
        return
    sys.stdout.write("\n")
    render.err().print("[dim]" + render.plain(summary(told)) + "[/]")


def summary(told: Told) -> str:
    """One line about an answer: model, target, tokens, cost, latency."""
    parts = [f"model {told.model}", f"target {told.target}"] if told.target else [f"model {told.model}"]
    if told.attempts not in ("", "1"):
        parts.append(f"{told.attempts} attempts")
    cached = f" ({told.cached_tokens} cached)" if told.cached_tokens else ""
    parts.append(f"tokens {told.input_tokens} in{cached}, {told.output_tokens} out")
    parts.append(f"cost ${told.cost_usd}" if told.cost_usd else "cost: see --no-stream")
    first = f", first token after {told.first_token_s * 1000:.0f} ms" if told.first_token_s else ""
    parts.append(f"{told.total_s * 1000:.0f} ms{first}")
    if told.tool_calls:
        parts.append(f"calls {', '.join(told.tool_calls)}")
    if told.dropped:
        parts.append(f"dropped {told.dropped}")
    return " · ".join(parts)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _pair(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise Failure(f"--header: expected 'name: value', came {line!r}", code=USAGE)
    return name.strip().lower(), value.strip()
