"""Teams for the console: consumer groups as the tree they are, with what their agents did and whether they may call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tollhouse.controlplane.console.agents import FIGURES, Did, lately, with_figures
from tollhouse.controlplane.console.roster import Roster, Rosters
from tollhouse.controlplane.console.sampling import Sampler
from tollhouse.controlplane.service.permits import Reach
from tollhouse.controlplane.service.refusal import KeyNotFound

PAGE = 100


class Teams:
    """One per process."""

    def __init__(self, rosters: Rosters, sampler: Sampler) -> None:
        self._rosters = rosters
        self._sampler = sampler

    async def show(self, search: str = "", page: int = 1, reach: Reach | None = None) -> dict[str, Any]:
        """A page of teams, each below the one it belongs to. ``reach``: what may be seen, None everything."""
        roster = await self._rosters.now()
        rows = self._rows(roster, reach)
        text = search.lower()
        found = [row for row in rows if not text or any(text in row[name].lower() for name in ("id", "name", "desc"))]
        first = (max(page, 1) - 1) * PAGE
        return {
            "list": found[first : first + PAGE],
            "found": len(found),
            "total": len(rows),
            "pages": max(1, -(-len(found) // PAGE)),
            "everyone": roster.everyone_stop(),
        }

    async def one(self, team: str, reach: Reach | None = None) -> dict[str, Any]:
        """One team with those directly below it. Raises KeyNotFound."""
        roster = await self._rosters.now()
        rows = {row["id"]: row for row in self._rows(roster, reach)}
        if team not in rows:
            raise KeyNotFound
        return {
            **rows[team],
            "line": [one for one in roster.line(team)[1:] if one in rows],
            "teams": [row for row in rows.values() if row["parent"] == team],
        }

    def _rows(self, roster: Roster, reach: Reach | None) -> list[dict[str, Any]]:
        sums = _sums(roster, lately(self._sampler))
        seen = [one for one in roster.teams if reach is None or reach.holds("consumer_groups", one, {})]
        return [_row(roster, team, depth, sums[team]) for team, depth in _in_order(roster, seen)]


def _sums(roster: Roster, did: Did) -> Mapping[str, dict[str, Any]]:
    """Of each team with those below it: agents, and what they did. ``direct``: agents of the team itself."""
    sums: dict[str, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(("agents", "direct", *FIGURES), 0))
    lines: dict[str, tuple[str, ...]] = {}
    for name, value in roster.consumers.items():
        group = str(value.get("group_id") or "")
        if group not in lines:
            lines[group] = roster.line(group)
        figures = did.get(name)
        for team in lines[group]:
            sums[team]["agents"] += 1
            for figure in FIGURES if figures else ():
                sums[team][figure] += figures.get(figure, 0) if figures else 0
        if group:
            sums[group]["direct"] += 1
    return sums


def _in_order(roster: Roster, seen: Iterable[str]) -> list[tuple[str, int]]:
    """Each team after the one it belongs to, and how deep it stands. What stands in a circle is at the top."""
    children: dict[str, list[str]] = defaultdict(list)
    known = set(seen)
    for team in sorted(known):
        parent = str(roster.teams[team].get("parent_id") or "")
        in_circle = parent and team in roster.line(parent)
        children[parent if parent in known and not in_circle else ""].append(team)
    placed: list[tuple[str, int]] = []
    waiting = [(team, 0) for team in reversed(children[""])]
    while waiting:
        team, depth = waiting.pop()
        placed.append((team, depth))
        waiting += [(one, depth + 1) for one in reversed(children.get(team, []))]
    return placed


def _row(roster: Roster, team: str, depth: int, sums: dict[str, Any]) -> dict[str, Any]:
    value = roster.teams[team]
    row = {
        "id": team,
        "name": value.get("name") or "",
        "desc": value.get("desc") or "",
        "parent": str(value.get("parent_id") or ""),
        "depth": depth,
        "agents": sums["agents"],
        "direct": sums["direct"],
        "plugins": sorted(value.get("plugins") or ()),
        "stop": roster.stop_of("", team),
        "budgets": sum(1 for one in roster.budgets if (one.get("scope") or {}).get("consumer_group") == team),
    }
    return with_figures(row, sums)
