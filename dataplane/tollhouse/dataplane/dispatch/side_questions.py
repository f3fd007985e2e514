"""Questions of the gateway's own about a request, put to a model of the catalogue: a guard model's verdict, say.

They go the way requests go, so whatever holds for those holds for them: the model's strategy, breakers and fallbacks,
any provider's format, the caller's budgets, and a line of the ledger for each attempt, under the request's id with
``.side<n>`` behind it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from multidict import CIMultiDict, CIMultiDictProxy
from tollhouse.dataplane.dispatch.attempts.drive import Driver
from tollhouse.dataplane.dispatch.attempts.giving_up import DOWNGRADED, REFUSED
from tollhouse.dataplane.dispatch.choosing.chains import chain_targets
from tollhouse.dataplane.dispatch.choosing.plan import Limits, Plan, plan_of, select
from tollhouse.dataplane.dispatch.choosing.strategy import Chooser
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.failover import Policy
from tollhouse.dataplane.errors import GatewayError, UpstreamError
from tollhouse.dataplane.permitted import PROVIDERS, REGIONS
from tollhouse.dataplane.registry import protocols_by_name
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import Timeouts

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_FORMAT = "openai_chat"
_COUNT = "side_questions"
"""``Exchange.state`` key: how many there were."""
_LATE = frozenset({"timeout", "slow"})


class Unpaid(Exception):
    """A budget has no room for the question; ``error`` is what the caller is told of that."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.error = error


class SideQuestions:
    """Asks one model. One per plugin; shared by exchanges."""

    def __init__(self, services: Services, model: str) -> None:
        self._services = services
        self._driver = Driver(services)
        self._model = model
        self._chooser: Chooser | None = None

    async def ask(self, ex: Exchange, body: bytes, timeout_s: float) -> bytes:
        """The answer to a chat completion, whole, in that format. Goes only where the request itself may go. Raises
        TimeoutError, Unpaid, and GatewayError when nobody answers."""
        aside = self._aside(ex, body)
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._driver.send(aside, self._plan(aside, timeout_s))
        except GatewayError as error:
            if REFUSED in aside.state:
                raise Unpaid(error) from None
            failure = aside.attempts[-1].failure if aside.attempts else None
            if failure is not None and failure.kind in _LATE:
                raise TimeoutError(error.message) from None
            raise
        return reply.body

    def _aside(self, ex: Exchange, body: bytes) -> Exchange:
        count = ex.state[_COUNT] = ex.state.get(_COUNT, 0) + 1
        now = self._services.clock

        async def read_body() -> bytes:
            return body

        aside = type(ex)(
            id=f"{ex.id}.side{count}",
            snapshot=ex.snapshot,
            method="POST",
            path="/v1/chat/completions",
            query="",
            scheme=ex.scheme,
            host=ex.host,
            headers=CIMultiDictProxy(CIMultiDict[str]()),
            client_ip=ex.client_ip,
            received_s=now.monotonic(),
            received_at=now.time(),
            read_body=read_body,
        )
        aside.route = ex.route
        aside.consumer, aside.consumer_name, aside.credential_id = ex.consumer, ex.consumer_name, ex.credential_id
        aside.protocol, aside.body, aside.document = protocols_by_name()[_FORMAT], body, RequestDocument(body)
        aside.state |= {key: ex.state[key] for key in (PROVIDERS, REGIONS) if key in ex.state}
        aside.state[DOWNGRADED] = self._model  # a cheaper model is no guard
        return aside

    def _plan(self, aside: Exchange, timeout_s: float) -> Plan:
        services = self._services
        model = aside.snapshot.models.find(self._model)
        if model is None:
            raise UpstreamError(503, "no_target", f"There is no model {self._model!r} in the catalogue.")
        if self._chooser is None or self._chooser.spec != model.strategy:
            self._chooser = Chooser(model.strategy)
        states, now = states_of(services), services.clock.monotonic()
        luck = services.luck.random() if model.strategy.algorithm == "latency" else 1.0
        ordering = self._chooser.order(aside, model.targets, states, now, luck, preview=False)
        choice = select(aside, model.targets, ordering, states, now)
        limits = Limits(Timeouts(min(timeout_s, 5.0), timeout_s, timeout_s, timeout_s, timeout_s))
        chains = chain_targets(aside, model.fallbacks, model.targets)
        return plan_of(choice, model.targets, Policy(deadline_s=timeout_s), limits, chains)
