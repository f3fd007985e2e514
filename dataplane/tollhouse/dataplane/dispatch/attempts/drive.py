"""Does what ``engine.failover`` says: tries, waits, and fails over until there is an answer or nothing left to try."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from tollhouse.dataplane.dispatch.attempts import giving_up
from tollhouse.dataplane.dispatch.attempts.asking import Asker
from tollhouse.dataplane.dispatch.attempts.journey import Hop, Journey
from tollhouse.dataplane.dispatch.attempts.rivals import NEVER, Rivals
from tollhouse.dataplane.dispatch.attempts.trial import Books
from tollhouse.dataplane.dispatch.choosing.explaining import explain_headers
from tollhouse.dataplane.dispatch.choosing.plan import BY_RECORD, Plan
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.engine.failover import Done, Ended, GiveUp, Step, Told, Try, Wait, failover
from tollhouse.dataplane.errors import GatewayFault, UpstreamError
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_ONLY = Try(0, 1, None)
"""The first step of ``failover`` where there is one target."""

Steps = Generator[Step, Told, None]


class Driver:
    """Executes plans. One per dispatching plugin; shared by exchanges."""

    def __init__(self, services: Services) -> None:
        self._clock = services.clock
        self._luck = services.luck.random
        self._states = states_of(services)
        self._books = Books(services)
        self._asker = Asker(services, self._books)
        self._rivals = Rivals(services, self._books)

    async def send(self, ex: Exchange, plan: Plan) -> Reply:
        """The reply, whole or streaming. Raises GatewayError when every target that may be tried has failed."""
        if self._states.under_way >= self._states.most_under_way:
            raise UpstreamError(503, "overloaded", "The gateway has more work than it can do now.", retry_after_s=1.0)
        targets = plan.targets
        if not targets:
            raise giving_up.explained(giving_up.nobody(ex, plan), ex, plan)
        now = self._clock.monotonic()
        total_s, hedge_s = plan.limits.timeouts.total_s, plan.limits.hedge_s
        journey = Journey(ex, plan, now, None if total_s is None else now + total_s)
        # Of one target nothing has to be decided before it fails, which it seldom does.
        steps = self._steps(journey) if len(targets) > 1 else None
        tried: list[str] = []
        failed: tuple[UpstreamFailure, ...] = ()
        reason = ""
        step = next(steps) if steps is not None else _ONLY
        while True:
            if isinstance(step, Try):
                target = targets[step.index]
                if tried and tried[-1] != target.name:
                    self._books.moved_on(ex, tried[-1], target.name, reason)
                self._rivals.request()
                hop = Hop(target, step.more)
                if (
                    steps is None
                    or (hedge_s is None and target.probe is None)
                    or (ex.protocol is not None and ex.protocol.opaque)
                ):
                    outcome, beside = await self._asker.ask(journey, hop), None
                else:
                    outcome, beside = await self._try_beside(journey, step, hop, NEVER if hedge_s is None else hedge_s)
                if isinstance(outcome, Reply):
                    if steps is not None:
                        steps.close()
                    else:
                        self._states.of(target).budget.request()
                    if plan.told:
                        outcome.headers += explain_headers(plan.told, ex.attempts)
                    return outcome
                if beside is not None and step.following is not None:
                    tried.append(targets[step.following].name)
                tried.append(hop.target.name)
                reason = outcome.kind
                if steps is None:
                    steps = self._steps(journey)
                    next(steps)
                now = journey.now(self._clock.monotonic())
                step = steps.send(Ended(outcome, now, beside=beside, tries=len(ex.attempts)))
            elif isinstance(step, Wait):
                assert steps is not None
                await self._clock.sleep(step.seconds)
                step = steps.send(journey.now(self._clock.monotonic()))
            elif isinstance(step, GiveUp):
                cheaper = giving_up.downgraded(journey, step, self._clock.monotonic())
                failed += step.failures
                if cheaper is None:
                    raise giving_up.explained(giving_up.gave_up(ex, failed, tried), ex, plan)
                journey.plan, targets = cheaper, cheaper.targets
                steps = self._steps(journey)
                step = next(steps)
            else:
                assert isinstance(step, Done)
                raise GatewayFault("failover_ended", "The gateway lost track of an attempt.")

    def _steps(self, journey: Journey) -> Steps:
        plan = journey.plan
        targets = plan.targets
        return failover(
            [target.context_window for target in targets],
            plan.policy,
            journey.started_s,
            self._luck,
            lambda index: self._states.of(targets[index]).budget,
            plan.main,
            plan.chains,
            plan.begin,
            tries=len(journey.ex.attempts),
            most=journey.most_tries,
        )

    async def _try_beside(
        self, journey: Journey, step: Try, hop: Hop, after_s: float
    ) -> tuple[Reply | UpstreamFailure, UpstreamFailure | None]:
        """One try, with a rival if it is slow to start."""
        ex, targets = journey.ex, journey.plan.targets
        hop.kind = kind = self._rivals.kind(ex) if after_s == BY_RECORD else None
        if step.following is None:
            return await self._asker.ask(journey, hop), None
        rival = targets[step.following]
        return await self._rivals.race(
            ex,
            after_s,
            kind,
            hop.target,
            rival,
            lambda: self._asker.ask(journey, hop),
            lambda: self._asker.ask(journey, Hop(rival, False, kind, True)),
        )
