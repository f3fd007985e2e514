"""Who pays for an exchange, and under which budgets it falls: found once, kept in its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tollhouse.dataplane.counting import caller
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.engine.budgets import BudgetIndex, CompiledBudget, Facts
from tollhouse.dataplane.engine.hints import tags_of
from tollhouse.dataplane.records.agent_hints import session_of

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

STATE = "spending"
"""``Exchange.state`` key of what is known of the caller and its budgets."""


@dataclass(slots=True)
class Purse:
    """What one exchange knows of its caller; lives in its state."""

    groups: tuple[str, ...]
    budgets: list[CompiledBudget]
    index: BudgetIndex
    """Of which these are."""
    counted: set[str]
    """Keys of request budgets that count this exchange already."""
    asked: tuple[str, str, dict[str, str]] | None = None

    def who(self, ex: Exchange) -> tuple[str, str, dict[str, str]]:
        """Caller, session, tags: not every budget asks for them."""
        if self.asked is None:
            labels = ex.consumer.labels if ex.consumer is not None else {}
            self.asked = (caller(ex), session_of(ex), tags_of(ex.headers, labels))
        return self.asked

    def facts(self, ex: Exchange, target: Target, models: tuple[str, ...]) -> Facts:
        """What budgets may ask of an attempt; ``models``: the provider's own name first, then the one asked for."""
        provider = target.endpoint
        who, session, tags = self.who(ex)
        return Facts(
            ex.consumer_name,
            who,
            self.groups,
            models,
            (provider.name, provider.provider.type),
            ex.route.id if ex.route is not None else "",
            session,
            tags,
        )
