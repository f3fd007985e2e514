"""What operators have said about budgets: grants that can be used, denials that hold. Pure, immutable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tollhouse.dataplane.engine.budgets import CompiledBudget
from tollhouse.proto.resources import Approval
from tollhouse.proto.resources.budget import Budget
from tollhouse.proto.units import usd_to_nano

BEGINS = "~grant|"
"""Begins the keys grants are counted under; no budget's id does."""
REMEMBERED_S = 86400
"""How long the count of a grant that has ended is kept."""


@dataclass(frozen=True, slots=True)
class Grant:
    """So much beyond a budget, until then."""

    id: str
    key: str
    """What it is counted under."""
    units: int
    until: int
    budget: CompiledBudget
    """As the budget it is for, without thresholds."""

    @property
    def expires(self) -> int:
        """When its count may be forgotten."""
        return self.until + REMEMBERED_S


@dataclass(frozen=True, slots=True)
class Denial:
    """No more than the budget, until then."""

    id: str
    until: int
    note: str


class Standing:
    """All that is known; found by the key of a budget."""

    __slots__ = ("_denials", "_grants", "states")

    def __init__(self, approvals: Mapping[str, Approval], budgets: Mapping[str, CompiledBudget]) -> None:
        self._grants: dict[str, list[Grant]] = {}
        self._denials: dict[str, list[Denial]] = {}
        self.states: dict[str, str] = {}
        """By id, what was decided."""
        for approval_id, one in sorted(approvals.items(), key=lambda item: item[1].opened_at):
            self.states[approval_id] = one.state
            budget = budgets.get(one.budget)
            if one.state == "approved" and one.granted is not None and budget is not None:
                grant = Grant(approval_id, BEGINS + approval_id, _units(one), one.until, _silent(budget))
                self._grants.setdefault(one.key, []).append(grant)
            elif one.state == "denied":
                self._denials.setdefault(one.key, []).append(Denial(approval_id, one.until, one.note))

    def grants(self, key: str, now: float) -> Iterable[Grant]:
        """Those that can be used, oldest first."""
        return [one for one in self._grants.get(key, ()) if one.until > now]

    def denial(self, key: str, now: float) -> Denial | None:
        """The one that holds longest."""
        holding = [one for one in self._denials.get(key, ()) if one.until > now]
        return max(holding, key=lambda one: one.until, default=None)


def _units(one: Approval) -> int:
    granted = one.granted or "0"
    return int(usd_to_nano(granted)) if one.unit == "usd" else int(granted)


def _silent(budget: CompiledBudget) -> CompiledBudget:
    resource: Budget = budget.resource.model_copy(update={"thresholds": []})
    return CompiledBudget(budget.id, resource)


NOTHING_SAID = Standing({}, {})
