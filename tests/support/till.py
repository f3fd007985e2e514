"""A gateway with budgets and a log of attempts, both in this process."""

from __future__ import annotations

import itertools
from typing import Any

from tollhouse.dataplane.engine.reservations import Reservations
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import (
    AttemptLog,
    BudgetCounts,
    Claim,
    Closed,
    Crossing,
    Granted,
    LedgerFull,
    Opened,
    Outcome,
)

from tests.support.dispatching import Bench, chat
from tests.support.providers import answer, openai_reply

GOOD = answer(200, openai_reply("hello"))
ASK = chat(max_tokens=1000)
"""On gpt-4o-mini at worst 0.0006 USD for the answer, and a little for the question."""


class PlainBudgets(BudgetCounts):
    """The real arithmetic, in this process."""

    def __init__(self) -> None:
        self.counts = Reservations()
        self.crossings: list[Crossing] = []
        self.down = False

    async def take_all(self, reservation: str, claims: tuple[Claim, ...]) -> Granted:
        if self.down:
            raise CounterUnavailable("down")
        return self.counts.take(reservation, claims)

    def settle_all(self, reservation: str, outcomes: tuple[Outcome, ...]) -> None:
        self.counts.settle(reservation, outcomes)

    def crossed(self, crossing: Crossing) -> None:
        self.crossings.append(crossing)

    def of(self, key: str) -> tuple[int, int, int]:
        """Spent, held, doubt."""
        found = list(self.counts.totals.get(key, {}).values())
        return sum(one.spent for one in found), sum(one.held for one in found), sum(one.doubt for one in found)


class PlainLog(AttemptLog):
    """Records in lists."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []
        self.closed: list[Closed] = []
        self.full = False
        self._names = itertools.count()

    def new_id(self) -> str:
        return f"id-{next(self._names)}"

    def open(self, record: Opened) -> None:
        if self.full:
            raise LedgerFull("full")
        self.opened.append(record)

    def close(self, record: Closed) -> None:
        self.closed.append(record)


class Till(Bench):
    """A bench with money."""

    budgets: PlainBudgets
    log: PlainLog


def usd(amount: str, **fields: Any) -> dict[str, Any]:
    """A budget in dollars, by the day."""
    return {"unit": "usd", "amount": amount, "window": "day", **fields}


async def configured(till: Till, *instances: dict[str, Any], budgets: dict[str, Any], **kinds: Any) -> None:
    """One route with these instances, and budgets."""
    plugins = {"ai-proxy-multi": {"instances": list(instances), "fallback_strategy": "any"}}
    await till.load(routes={"r": {"uri": "/*", "plugins": plugins}}, budgets=budgets, **kinds)
