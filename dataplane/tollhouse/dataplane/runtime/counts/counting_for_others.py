"""The node that counts for all: does the steps other nodes ask for, on its own counts."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.runtime.counts.budget_authority import ELSEWHERE, BudgetAuthority
from tollhouse.dataplane.runtime.counts.crossings import crossing_name
from tollhouse.dataplane.runtime.counts.remote_budgets import (
    STEPS,
    LifeStep,
    SettleStep,
    TakeStep,
    TotalsStep,
    encode,
)
from tollhouse.dataplane.runtime.counts.shared_budgets import Life
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll, TookAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Crossing, Granted

OTHERS = -1
"""Stands for the serial of a worker: these reservations are of another node's."""
MOST_REMEMBERED = 20_000


class CountingForOthers:
    """One per node; refuses where the node is not told to (``--budget-store shared``)."""

    def __init__(self, authority: BudgetAuthority, *, serves: bool) -> None:
        self._authority = authority
        self.serves = serves
        self._told: dict[str, None] = {}
        self._over: dict[str, None] = {}
        """Reservations settled lately: what was asked for them and comes late holds nothing any more."""

    async def do(self, node: str, encoded: bytes) -> bytes:
        """One step. Raises CounterUnavailable, and ValueError for what is no step."""
        return encode(await self._do(node, STEPS.decode(encoded)))

    async def _do(self, node: str, step: Any) -> Any:
        authority = self._authority
        if isinstance(step, TakeStep):
            if step.life not in ("", authority.life):
                return None
            name = f"{node}{ELSEWHERE}{step.reservation}"
            if name in self._over:
                return Granted(True, tuple(authority.counts.used(claim) for claim in step.claims))
            answer = authority.take(OTHERS, TakeAll(name, step.claims))
            took = answer if isinstance(answer, TookAll) else await answer
            if took.down:
                raise CounterUnavailable(took.down)
            return Granted(took.allowed, took.used, took.refused)
        if isinstance(step, SettleStep):
            name = f"{node}{ELSEWHERE}{step.reservation}"
            _remember(self._over, name)
            authority.settle(SettleAll(name, step.outcomes))
            return True
        if isinstance(step, LifeStep):
            return Life(authority.life)
        if isinstance(step, TotalsStep):
            return await authority.totals()
        return self._first(step.name)

    def told(self, one: Crossing) -> None:
        """This node told of a threshold itself."""
        self._first(crossing_name(one))

    def _first(self, name: str) -> bool:
        if name in self._told:
            return False
        _remember(self._told, name)
        return True


def _remember(names: dict[str, None], name: str) -> None:
    if len(names) >= MOST_REMEMBERED:
        for old in list(names)[: MOST_REMEMBERED // 2]:
            del names[old]
    names[name] = None
