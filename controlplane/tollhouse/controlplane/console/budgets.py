"""Budgets for the console: what the configuration says of each, and how it stands under each of its keys. Searched and
paged here: a budget for each of ten thousand agents has as many keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.controlplane.console.roster import Rosters, Value
from tollhouse.controlplane.service.permits import Reach
from tollhouse.proto.units import usd_to_nano

PAGE = 100
NANO = 1_000_000_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of them somebody wants to see."""

    search: str = ""
    at_least: float = 0.0
    """How much of it is gone, 0 to 1."""
    page: int = 1


class Budgets:
    """One per process."""

    def __init__(self, rosters: Rosters, nodes: Nodes) -> None:
        self._rosters = rosters
        self._nodes = nodes

    async def show(self, wanted: Wanted, reach: Reach | None = None) -> dict[str, Any]:
        """A page, those nearest to their end first. ``reach``: what may be seen, None everything."""
        roster = await self._rosters.now()
        rows, silent = await self._rows(one for one in roster.budgets if _seen(reach, one))
        text = wanted.search.lower()
        fitting = [row for row in rows if (not text or text in row["key"].lower()) and _share(row) >= wanted.at_least]
        first = (max(wanted.page, 1) - 1) * PAGE
        return {
            "budgets": fitting[first : first + PAGE],
            "found": len(fitting),
            "total": len(rows),
            "pages": max(1, -(-len(fitting) // PAGE)),
            "silent": silent,
        }

    async def of(self, agent: str, team: str, reach: Reach | None = None) -> dict[str, Any]:
        """Those that count what an agent of a team spends; without a name, those of the team as a whole."""
        roster = await self._rosters.now()
        line = roster.line(team)
        rows, silent = await self._rows(one for one in roster.budgets_of(agent, team) if _seen(reach, one))
        return {"budgets": [row for row in rows if _is_of(row["key"], agent, line)], "silent": silent}

    async def _rows(self, budgets: Iterable[Value]) -> tuple[list[Row], dict[str, str]]:
        wanted = {str(one["id"]): one for one in budgets}
        told, silent = await self._nodes.budgets() if wanted else ({}, {})
        rows = [{**row, **_said(wanted[row["budget"]])} for row in standing(told) if row["budget"] in wanted]
        used = {row["budget"] for row in rows}
        rows += [_unused(one) for name, one in wanted.items() if name not in used]
        return sorted(rows, key=lambda row: (-_share(row), row["key"])), silent


def standing(told: Mapping[str, Any]) -> list[Row]:
    """One row per budget and key. Counts all nodes share are the same on every node; others are added up."""
    rows: dict[str, Row] = {}
    for answer in told.values():
        for one in answer.budgets:
            row = rows.get(one.key)
            known = row is not None
            if row is None:
                row = rows[one.key] = {"budget": one.budget, "key": one.key, "unit": one.unit, "window": one.window}
                row |= {"limit": one.limit, "spent": 0, "reserved": 0}
                row |= {"resets": one.resets_ms / 1000 or None, "enforced": one.enforced, "unused": False}
            if answer.store == "node" or not known:
                row["spent"] += one.spent
                row["reserved"] += one.reserved
    for row in rows.values():  # divided once, after all were added: what is shown is exact
        for name in ("limit", "spent", "reserved") if row["unit"] == "usd" else ():
            row[name] /= NANO
    return list(rows.values())


def _unused(budget: Value) -> Row:
    """A budget no node counts yet."""
    name, unit = str(budget["id"]), budget["unit"]
    limit = usd_to_nano(budget["amount"]) / NANO if unit == "usd" else float(budget["amount"])
    window = ("last " if budget.get("rolling") else "") + budget["window"]
    row = {"budget": name, "key": name, "unit": unit, "window": window, "limit": limit, "spent": 0.0, "reserved": 0.0}
    enforced = not budget.get("shadow") and budget.get("on_exceed") != "alert"
    return {**row, "resets": None, "enforced": enforced, "unused": True, **_said(budget)}


def _said(budget: Value) -> Row:
    scope = {name: value for name, value in (budget.get("scope") or {}).items() if value}
    return {"scope": scope, "on_exceed": budget.get("on_exceed") or "reject", "desc": budget.get("desc") or ""}


def _share(row: Row) -> float:
    return float(row["spent"] / row["limit"]) if row["limit"] else 0.0


def _is_of(key: str, agent: str, line: tuple[str, ...]) -> bool:
    """Whether a key of a budget with ``each`` is this agent's or one of its teams'."""
    for part in key.split("|")[1:]:
        name, _, value = part.partition("=")
        if (name == "consumer" and value != agent) or (name == "consumer_group" and value not in line):
            return False
    return True


def _seen(reach: Reach | None, budget: Value) -> bool:
    return reach is None or reach.holds("budgets", str(budget["id"]), budget)
