"""Looks at what budgets spend every five minutes, and has people told when it is unusual."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from tollhouse.dataplane.engine.anomaly import INTERVAL_S, Baseline
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Alert
from tollhouse.proto import resources
from tollhouse.proto.resources import Budget
from tollhouse.proto.units import format_usd

log = logging.getLogger("tollhouse.budgets")

MOST_KEYS = 10_000
"""Of all budgets together; those beyond are not looked at."""

Totals = Callable[[], Awaitable[list[tuple[str, int, Bucket]]]]


class SpendWatch:
    """One per node, in the supervisor; learns anew when it starts."""

    def __init__(self, state: ConfigState, totals: Totals, alert: Callable[[Alert], None]) -> None:
        self._state = state
        self._totals = totals
        self._alert = alert
        self._last: dict[tuple[str, int], int] = {}
        self._baselines: dict[str, Baseline] = {}

    async def run(self) -> None:
        """For ever; does nothing while no budget wants it."""
        while True:
            await asyncio.sleep(INTERVAL_S - time.time() % INTERVAL_S)
            budgets = self._watched()
            if not budgets:
                self._last, self._baselines = {}, {}
                continue
            try:
                self.look(budgets, await self._totals())
            except CounterUnavailable as error:
                log.warning("spending not looked at: %s", error)

    def _watched(self) -> dict[str, Budget]:
        found: dict[str, Budget] = {}
        for raw in self._state.of_kind("budgets"):
            try:
                budget: Budget = resources.parse("budgets", raw.value, raw.id)
            except ValueError:
                continue  # the workers refuse it and say so
            if budget.alert_on_anomaly:
                found[raw.id] = budget
        return found

    def look(self, budgets: dict[str, Budget], totals: list[tuple[str, int, Bucket]]) -> None:
        """An interval is over: what was spent in it, by key."""
        spent: dict[str, int] = {}
        last: dict[tuple[str, int], int] = {}
        for key, start, bucket in totals:
            if key.partition("|")[0] in budgets and len(last) < MOST_KEYS:
                last[key, start] = bucket.spent
                known = self._last.get((key, start), 0 if self._last else bucket.spent)
                spent[key] = spent.get(key, 0) + max(0, bucket.spent - known)
        self._last = last
        self._baselines = {key: self._baselines.get(key) or Baseline() for key in {*spent, *self._baselines}}
        for key, baseline in self._baselines.items():
            budget = budgets.get(key.partition("|")[0])
            if budget is None:
                continue
            amount = spent.get(key, 0)
            usual = baseline.judge(amount, budget.units)
            if usual is not None:
                self._alert(_alert(key, budget, amount, usual))


def _alert(key: str, budget: Budget, amount: int, usual: int) -> Alert:
    show = format_usd if budget.unit == "usd" else str
    name, _, scope = key.partition("|")
    unit = "USD" if budget.unit == "usd" else budget.unit
    whom = f" ({scope.replace('|', ', ')})" if scope else ""
    text = f"Budget {name}{whom} spends unusually much: {show(amount)} {unit} in five minutes, usual are {show(usual)}."
    details = {"scope": scope, "unit": budget.unit, "spent": show(amount), "usual": show(usual)}
    return Alert("spend_anomaly", key, text, name, details)
