"""One attempt in the books of money: what it holds of each budget, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.budgets import CompiledBudget
from tollhouse.dataplane.engine.pricing import cache_saved, cost
from tollhouse.dataplane.exchange import Attempt
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.spending import AttemptLog, BudgetCounts, Claim, Closed, Crossing, Outcome
from tollhouse.proto.catalog import PriceTable
from tollhouse.proto.units import format_usd

if TYPE_CHECKING:
    from tollhouse.dataplane.dispatch.choosing.targets import Target
    from tollhouse.dataplane.dispatch.money.kept import Told
    from tollhouse.dataplane.exchange import Exchange

HEADER = "x-tollhouse-budget-remaining"
_MOST_SHOWN = 8


@dataclass(slots=True)
class Share:
    """What an attempt holds of one budget."""

    budget: CompiledBudget
    claim: Claim
    used: int = 0
    """Units used in the window, this reservation included; then with what it came to."""
    refused: bool = False
    """It did not fit."""

    def outcome(self, usage: Usage | None, cost_nano: int, *, sent: bool) -> Outcome:
        """What the claim came to."""
        if self.budget.resource.unit == "requests":
            return Outcome(int(sent))
        units = self.budget.spent(usage, cost_nano) if usage is not None else 0
        if usage is None or not usage.estimated:
            return Outcome(units)
        doubt = max(0, self.claim.units - units)
        return Outcome(max(units, self.claim.units) if self.budget.resource.strict else units, doubt)


class Entry:
    """Belongs to one attempt; closed exactly once, on whatever way it ends."""

    __slots__ = ("_closed", "_ex", "_log", "_services", "_target", "counted", "id", "reservation", "shares")

    def __init__(
        self,
        services: Services,
        ex: Exchange,
        target: Target,
        id: str,
        shares: list[Share],
        log: AttemptLog | None,
    ) -> None:
        """``log``: where it is written down; None: nowhere."""
        self._services = services
        self._ex = ex
        self._target = target
        self.id = id
        self.shares = shares
        self.reservation = ""
        """What holds the shares, when it is not of this attempt alone."""
        self.counted: set[str] = set()
        """Keys of request budgets that count the request already; those of one that was never sent do not."""
        self._log = log
        self._closed = False

    def release(self) -> None:
        """Nothing was sent: give all back."""
        self._settle(tuple(Outcome(0) for _ in self.shares))

    def close(self, kind: str, attempt: Attempt, *, sent: bool, told: Told | None = None) -> None:
        """Settle and write down what the attempt used and cost. ``told``: what the record says instead."""
        if self._closed:
            return
        self._closed = True
        if not sent:
            self.counted.difference_update([share.claim.key for share in self.shares])
        usage, nano = attempt.usage, attempt.cost_nano
        outcomes = tuple([share.outcome(usage, nano, sent=sent) for share in self.shares])
        self._settle(outcomes)
        if self._log is not None:
            if told is not None:
                usage, nano = told.usage, told.nano
            record = self._record(kind, attempt, usage, nano, outcomes)
            if told is not None and told.claims:
                record = msgspec.structs.replace(record, once=told.claims, once_outcomes=told.outcomes)
            self._log.close(record)

    def _settle(self, outcomes: tuple[Outcome, ...]) -> None:
        budgets = self._services.budgets
        if not self.shares or budgets is None:
            return
        budgets.settle_all(self.id, outcomes)
        for share, outcome in zip(self.shares, outcomes, strict=True):
            share.used += outcome.units - share.claim.units
            self._tell(share, budgets)

    @staticmethod
    def _tell(share: Share, budgets: BudgetCounts) -> None:
        """Each threshold that is reached, once; whoever crossed it."""
        budget, claim = share.budget, share.claim
        for percent in budget.thresholds:
            if share.used * 100 < claim.limit * percent:
                return
            if budget.first_to_see(claim.key, claim.bucket, percent):
                unit = budget.resource.unit
                budgets.crossed(Crossing(budget.id, claim.key, claim.bucket, percent, share.used, claim.limit, unit))

    def _record(
        self, kind: str, attempt: Attempt, usage: Usage | None, nano: int, outcomes: tuple[Outcome, ...]
    ) -> Closed:
        first = 0
        if attempt.first_byte_s is not None:
            first = max(1, round((attempt.first_byte_s - attempt.started_s) * 1000))
        told = usage if usage is not None else Usage()
        return Closed(
            self.id,
            int(self._services.clock.time() * 1000),
            kind or "ok",
            attempt.status,
            first,
            nano,
            told.estimated,
            told.input_tokens,
            told.cached_tokens,
            told.cache_write_tokens,
            told.cache_write_1h_tokens,
            told.output_tokens,
            told.reasoning_tokens,
            outcomes,
            *self._saved(kind, usage, nano),
            told.special,
        )

    def _saved(self, kind: str, usage: Usage | None, nano: int) -> tuple[int, int]:
        """By the provider's cache, and by choosing this target of those the model asked for has, or the route. An
        answer whose price nobody knows, and what was no answer, saved nothing."""
        price = self._target.price
        if kind or usage is None or price is None or not price.known:
            return 0, 0
        model = self._ex.snapshot.models.find(self._ex.peek.model)
        rivals = self._target.rivals if model is None else [one.price for one in model.targets]
        prices = [one for one in rivals if one is not None and one.known]
        dearest = max((cost(usage, one) for one in prices), default=nano) if len(prices) > 1 else nano
        return cache_saved(usage, price), dearest - nano

    def header(self) -> str:
        """What is left of each budget, for the caller; empty where none applies."""
        parts = []
        for share in self.shares[:_MOST_SHOWN]:
            left = max(0, share.claim.limit - share.used)
            unit = share.budget.resource.unit
            parts.append(f"{share.budget.id}={format_usd(left) if unit == 'usd' else left} {unit}")
        return ", ".join(parts)


def prices_version(price: PriceTable | None) -> str:
    """Where a price comes from, as records name it."""
    return "unknown" if price is None else price.source or "config"
