"""Who there is and what holds for whom: consumers, teams, kill switches and budgets. Read again only when something was
written, so that asking often costs little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.controlplane.service.listing import Query
from tollhouse.controlplane.service.service import Service

Value = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Roster:
    """All of them as they were at one revision."""

    consumers: Mapping[str, Value]
    teams: Mapping[str, Value]
    """Consumer groups."""
    stops: tuple[Value, ...]
    budgets: tuple[Value, ...]

    def line(self, team: str) -> tuple[str, ...]:
        """A team and those above it, the nearest first."""
        found: list[str] = []
        while team and team not in found:
            found.append(team)
            team = str(self.teams.get(team, {}).get("parent_id") or "")
        return tuple(found)

    def below(self, team: str) -> frozenset[str]:
        """A team and all teams below it."""
        return frozenset({team, *(one for one in self.teams if team in self.line(one))})

    def stop_of(self, agent: str, team: str) -> dict[str, Any] | None:
        """The kill switch that keeps an agent (or, without a name, a team) out: its own before its team's, that before
        everybody's."""
        line = self.line(team)
        found = [(rank, stop) for stop in self.stops if (rank := _rank(stop, agent, line)) is not None]
        if not found:
            return None
        rank, stop = min(found, key=lambda one: one[0])
        by, of = ("agent", agent) if rank < 0 else ("everyone", "") if rank == len(line) else ("team", line[rank])
        return {"id": stop["id"], "by": by, "of": of, "desc": stop.get("desc") or ""}

    def everyone_stop(self) -> Value | None:
        """The kill switch of everybody, where it is on."""
        return next((one for one in self.stops if one.get("everyone")), None)

    def budgets_of(self, agent: str, team: str) -> Iterator[Value]:
        """Budgets that count what an agent of a team spends; without a name, what the team does as a whole."""
        line = self.line(team)
        for budget in self.budgets:
            scope = budget.get("scope") or {}
            whom, group = scope.get("consumer"), scope.get("consumer_group")
            fits = whom in (None, "each", agent) if agent else whom is None
            if fits and (group in (None, *line) or (group == "each" and line)):
                yield budget


def _rank(stop: Value, agent: str, line: tuple[str, ...]) -> int | None:
    """How near a switch is: -1 for the agent's own, then its teams; None when it is another's."""
    if stop.get("everyone"):
        return len(line)
    if agent and stop.get("consumer") == agent:
        return -1
    group = stop.get("consumer_group")
    return line.index(group) if group in line else None


class Rosters:
    """One per process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._read_at = -1
        self._roster = Roster({}, {}, (), ())

    async def now(self) -> Roster:
        """As it is. Raises Refusal."""
        revision = await self._service.newest_revision()
        if revision != self._read_at:
            consumers = await self._values("consumers")
            teams = await self._values("consumer_groups")
            self._roster = Roster(
                {value["username"]: value for value in consumers},
                {str(value["id"]): value for value in teams},
                tuple(await self._values("stops")),
                tuple(await self._values("budgets")),
            )
            self._read_at = revision
        return self._roster

    async def _values(self, kind: str) -> list[Value]:
        return [item.value for item in (await self._service.list(kind, Query())).objects]
