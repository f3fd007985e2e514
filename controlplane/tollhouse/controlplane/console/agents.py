"""Agents for the console: consumers, what each did lately, and whether it may call. Searched, sorted and paged here,
so that a browser never holds ten thousand of them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.controlplane.console.roster import Roster, Rosters, Value
from tollhouse.controlplane.console.sampling import Sampler
from tollhouse.controlplane.service.permits import Reach
from tollhouse.controlplane.service.refusal import KeyNotFound, invalid

PAGE = 100
LATELY_S = 3600
FINGERPRINT = re.compile(r"key-[0-9a-f]{12}")
"""What callers are counted as whose key no consumer has."""

FIGURES = ("cost", "requests", "errors", "tokens")
SORTS = (*FIGURES, "name", "group")
Did = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which agents somebody wants to see."""

    search: str = ""
    group: str = ""
    """A team, with those below it."""
    stopped: bool = False
    """Only those a kill switch keeps out."""
    sort: str = "cost"
    page: int = 1


class Agents:
    """One per process."""

    def __init__(self, rosters: Rosters, sampler: Sampler) -> None:
        self._rosters = rosters
        self._sampler = sampler

    async def show(self, wanted: Wanted, reach: Reach | None = None) -> dict[str, Any]:
        """A page. ``reach``: what may be seen, None everything. Raises Refusal."""
        if wanted.sort not in SORTS:
            raise invalid(f"sort: there are {', '.join(SORTS)}")
        roster = await self._rosters.now()
        did = lately(self._sampler)
        known = [_agent(value) for name, value in roster.consumers.items() if _seen(reach, name, value)]
        others = _unknown(roster, did) if reach is None else []
        teams = roster.below(wanted.group) if wanted.group else frozenset()
        rows = [with_figures(row, did.get(row["name"])) for row in known + others if _fits(row, wanted, teams)]
        if wanted.stopped:
            rows = [row for row in rows if row["known"] and roster.stop_of(row["name"], row["group"])]
        rows.sort(key=lambda row: row["name"])
        if wanted.sort != "name":
            numbers = wanted.sort in FIGURES
            rows.sort(key=lambda row: row[wanted.sort] or (0 if numbers else ""), reverse=numbers)
        first = (max(wanted.page, 1) - 1) * PAGE
        page = rows[first : first + PAGE]
        for row in page:
            row["stop"] = roster.stop_of(row["name"], row["group"]) if row["known"] else None
        return {
            "list": page,
            "found": len(rows),
            "total": len(known),
            "pages": max(1, -(-len(rows) // PAGE)),
            "groups": sorted({row["group"] for row in known if row["group"]}),
            "everyone": roster.everyone_stop(),
        }

    async def one(self, name: str, reach: Reach | None = None) -> dict[str, Any]:
        """Everything of one agent but its keys and how its budgets stand. Raises KeyNotFound."""
        roster = await self._rosters.now()
        value = roster.consumers.get(name)
        if value is None or not _seen(reach, name, value):
            raise KeyNotFound
        row = with_figures(_agent(value), lately(self._sampler).get(name))
        line = roster.line(row["group"])
        return {
            **row,
            "labels": value.get("labels") or {},
            "line": [team for team in line if reach is None or reach.holds("consumer_groups", team, {})],
            "stop": roster.stop_of(name, row["group"]),
        }


def lately(sampler: Sampler) -> Did:
    """What each caller did in the last hour, by its name."""
    return {row["name"]: row for row in sampler.table("consumer", time.time() - LATELY_S, "cost")}


def with_figures(row: dict[str, Any], did: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row, with zeros for what was not done."""
    figures = did or {}
    return {**row, **{name: figures.get(name, 0) for name in FIGURES}}


def _seen(reach: Reach | None, name: str, value: Value) -> bool:
    return reach is None or reach.holds("consumers", name, value)


def _agent(value: Value) -> dict[str, Any]:
    return {
        "name": value["username"],
        "group": value.get("group_id") or "",
        "desc": value.get("desc") or "",
        "plugins": sorted(value.get("plugins") or ()),
        "known": True,
    }


def _unknown(roster: Roster, did: Did) -> list[dict[str, Any]]:
    found = [name for name in did if name not in roster.consumers and FINGERPRINT.fullmatch(name)]
    return [{"name": name, "group": "", "desc": "", "plugins": [], "known": False} for name in found]


def _fits(row: Mapping[str, Any], wanted: Wanted, teams: frozenset[str]) -> bool:
    if wanted.group and row["group"] not in teams:
        return False
    text = wanted.search.lower()
    return not text or any(text in row[name].lower() for name in ("name", "group", "desc"))
