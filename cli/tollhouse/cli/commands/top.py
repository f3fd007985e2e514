"""A live view of what goes on."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands._numbers import Labels, Numbers
from tollhouse.cli.render import Output

NAMES = (
    "apisix_http_status",
    "tollhouse_llm_cost_usd_total",
    "tollhouse_llm_tokens_total",
    "tollhouse_attempts_total",
    "tollhouse_failovers_total",
    "apisix_llm_active_connections",
)
ROWS = 10


def run(
    context: typer.Context,
    every: Annotated[float, typer.Option(min=0.2, help="seconds between two looks")] = 2.0,
    once: Annotated[bool, typer.Option(help="look once, over so many seconds, and end")] = False,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer, with --once")] = Output.TABLE,
) -> None:
    """Show requests, money, agents and targets as they are now, again and again; Ctrl-C ends it."""
    connection: Connection = context.obj
    before, at = Numbers.read(connection, NAMES), time.monotonic()
    if once:
        time.sleep(every)
        view = _view(Numbers.read(connection, NAMES), before, time.monotonic() - at)
        if output is Output.TABLE:
            render.out().print(_picture(view))
        else:
            render.data(view, output)
        return
    from rich.live import Live

    with Live(console=render.out(), auto_refresh=False, screen=True) as live:
        live.update("looking …", refresh=True)
        try:
            while True:
                time.sleep(every)
                now = Numbers.read(connection, NAMES)
                span, at = time.monotonic() - at, time.monotonic()
                live.update(_picture(_view(now, before, span)), refresh=True)
                before = now
        except KeyboardInterrupt:
            return


def _view(now: Numbers, before: Numbers, span_s: float) -> dict[str, Any]:
    def rate(name: str, by: Any, factor: float = 1.0) -> dict[str, float]:
        return {group: value / span_s * factor for group, value in now.sums(name, by, before).items()}

    def all_of(labels: Labels) -> str:
        return "all"

    requests = rate("apisix_http_status", all_of)
    failed = rate("apisix_http_status", lambda labels: "all" if labels["code"] >= "500" else "")
    refused = rate("apisix_http_status", lambda labels: "all" if "400" <= labels["code"] < "500" else "")
    by_agent = rate("apisix_http_status", lambda labels: labels["consumer"])
    money = rate("tollhouse_llm_cost_usd_total", lambda labels: labels["consumer"], 3600)
    attempts = rate("tollhouse_attempts_total", lambda labels: labels["target"])
    good = rate("tollhouse_attempts_total", lambda labels: labels["target"] if labels["outcome"] == "ok" else "")
    agents = sorted({*by_agent, *money}, key=lambda name: (-money.get(name, 0), -by_agent.get(name, 0), name))
    tokens = rate("tollhouse_llm_tokens_total", lambda labels: "all" if labels["type"] in ("input", "output") else "")
    return {
        "nodes": len(now.nodes),
        "silent": now.silent,
        "requests_per_s": round(requests.get("all", 0), 3),
        "failed_per_s": round(failed.get("all", 0), 3),
        "refused_per_s": round(refused.get("all", 0), 3),
        "usd_per_hour": round(sum(rate("tollhouse_llm_cost_usd_total", all_of, 3600).values()), 4),
        "tokens_per_s": round(tokens.get("all", 0), 1),
        "failovers_per_min": round(rate("tollhouse_failovers_total", all_of, 60).get("all", 0), 2),
        "under_way": int(now.sums("apisix_llm_active_connections", all_of).get("all", 0)),
        "agents": [
            {
                "name": name,
                "requests_per_s": round(by_agent.get(name, 0), 3),
                "usd_per_hour": round(money.get(name, 0), 4),
            }
            for name in agents[:ROWS]
        ],
        "targets": [
            {
                "name": name,
                "attempts_per_s": round(value, 3),
                "good": round(good.get(name, 0) / value, 3) if value else None,
            }
            for name, value in sorted(attempts.items(), key=lambda pair: (-pair[1], pair[0]))[:ROWS]
        ],
    }


def _picture(view: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    head = (
        f"[bold]{view['requests_per_s']:.1f}[/] requests/s   "
        f"[{'red' if view['failed_per_s'] else 'dim'}]{view['failed_per_s']:.2f} failed/s[/]   "
        f"{view['refused_per_s']:.2f} refused/s   [bold]${view['usd_per_hour']:.2f}[/]/h   "
        f"{view['tokens_per_s']:.0f} tokens/s   {view['under_way']} under way   "
        f"{view['failovers_per_min']:.1f} failovers/min   {view['nodes']} nodes"
    )
    agents = Table("AGENT", "REQUESTS/S", "USD/H", title="dearest agents", box=None, pad_edge=False)
    for one in view["agents"]:
        agents.add_row(render.plain(one["name"]), f"{one['requests_per_s']:.2f}", f"{one['usd_per_hour']:.4f}")
    targets = Table("TARGET", "ATTEMPTS/S", "GOOD", title="targets", box=None, pad_edge=False)
    for one in view["targets"]:
        share = "-" if one["good"] is None else f"{one['good']:.0%}"
        colour = "red" if one["good"] is not None and one["good"] < 0.9 else "green"
        targets.add_row(render.plain(one["name"]), f"{one['attempts_per_s']:.2f}", f"[{colour}]{share}[/]")
    silent = [f"[red]{node} does not tell its numbers: {render.plain(why)}[/]" for node, why in view["silent"].items()]
    return Group(head, *silent, "", agents, "", targets)
