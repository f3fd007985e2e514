"""Rehearse the failures of providers."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.failure import REFUSED
from tollhouse.cli.render import Output

if TYPE_CHECKING:
    from tollhouse.cli.drill.faults import Phase


def run(
    faults: Annotated[list[str] | None, typer.Argument(help="faults in order; none: all of them")] = None,
    rate: Annotated[float, typer.Option(min=1, help="calls a second, from 20 agents, half of them streamed")] = 40,
    fault_s: Annotated[float, typer.Option("--fault-s", min=0.5, help="how long each fault lasts")] = 6,
    calm_s: Annotated[float, typer.Option("--calm-s", min=0.5, help="how long it is calm before and after")] = 4,
    require: Annotated[
        float, typer.Option(min=0, max=100, help="exit with 1 below this availability, in %, or untested")
    ] = 0,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """Let simulated providers fail on a schedule while agents work through a node of its own; report what they saw.

    Faults: down, errors, storm, slow, hang, stream-errors, cut, no-usage, wrong-usage. Nothing of your system is
    touched: simulators and node are processes on free ports of this machine and are gone afterwards. WASTED is what
    providers charge for answers nobody got, BILLED for everything, BOOKED what the gateway wrote down for it, ESTIMATED
    the part of that it was not told.
    """
    from tollhouse.cli.drill.faults import schedule
    from tollhouse.cli.drill.report import HEADINGS, as_data, outcomes, row, total

    phases = schedule(faults or [], fault_s, calm_s)
    with tempfile.TemporaryDirectory(prefix="tollhouse-drill-") as folder:
        calls, entries, books, began_at = asyncio.run(_drill(Path(folder), phases, rate))
    shown = outcomes(phases, calls, entries, books, began_at)
    whole = total(calls, entries, books)
    if output is Output.TABLE:
        render.table(HEADINGS, [row(one) for one in [*shown, whole]])
    else:
        render.data({"phases": [as_data(one) for one in shown], "all": as_data(whole)}, output)
    unmet = [one.phase for one in shown if not one.tested]
    if unmet:
        said = "no call met the fault, for the breaker was open or no call came: use a longer --calm-s or --fault-s"
        render.err().print(f"[red]not tested: {', '.join(unmet)} ({said})[/]")
        if require:
            raise typer.Exit(REFUSED)
    if whole.availability * 100 < require:
        render.err().print(f"[red]availability {whole.availability:.3%} is below the required {require:g} %[/]")
        raise typer.Exit(REFUSED)


async def _drill(folder: Path, phases: list[Phase], rate: float) -> tuple[list[Any], list[Any], list[Any], float]:
    from tollhouse.cli.drill.books import booked
    from tollhouse.cli.drill.load import work
    from tollhouse.cli.drill.rig import Rig

    async with Rig(folder) as rig:
        began_at = time.time()
        agents = asyncio.create_task(work(rig.url, rate, phases[-1].to_s))
        for phase in phases:
            render.err().print(f"[dim]{phase.from_s:5.1f} s  {phase.name}[/]")
            await asyncio.sleep(max(0.0, began_at + phase.from_s - time.time()))
            if phase.fault is not None:
                await rig.begin(phase.fault)
            await asyncio.sleep(max(0.0, began_at + phase.to_s - time.time()))
            if phase.fault is not None:
                await rig.end(phase.fault)
        calls = await agents
        entries = [("anthropic", one) for one in await rig.first.entries()]
        entries += [("openai", one) for one in await rig.second.entries()]
    # The node writes its lines in the background; all of them are there when it has ended.
    return calls, entries, list(booked(rig.log)), began_at
