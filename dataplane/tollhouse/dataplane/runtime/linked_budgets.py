"""A worker's side of the budgets: everything is asked of the node's authority over the link."""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.dataplane.runtime.link import Link, LinkError
from tollhouse.dataplane.runtime.messages import SettleAll, TakeAll, TookAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import BudgetCounts, Claim, Crossing, Granted, Outcome

ASK_TIMEOUT_S = 3.0
"""Longer than a shared store may take, so that the supervisor's word about it arrives first."""


class LinkedBudgets(BudgetCounts):
    """One per worker."""

    def __init__(self, link: Callable[[], Link]) -> None:
        self._link = link

    async def take_all(self, reservation: str, claims: tuple[Claim, ...]) -> Granted:
        """See the port."""
        try:
            answer = await self._link().ask(TakeAll(reservation, claims), TookAll, ASK_TIMEOUT_S)
        except LinkError as error:
            self.settle_all(reservation, ())  # it may have been taken all the same
            raise CounterUnavailable(f"the node's budgets do not answer: {error}") from None
        except BaseException:  # the client left meanwhile
            self.settle_all(reservation, ())
            raise
        if answer.down:
            raise CounterUnavailable(answer.down)
        return Granted(answer.allowed, answer.used, answer.refused)

    def settle_all(self, reservation: str, outcomes: tuple[Outcome, ...]) -> None:
        """See the port."""
        self._link().tell(SettleAll(reservation, outcomes))

    def crossed(self, crossing: Crossing) -> None:
        """See the port."""
        self._link().tell(crossing)
