"""Does what ``engine.failover`` says: sends, reads, and fails over until there is an answer or nothing left to try."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tollhouse.dataplane.dispatch.attempts import failures, giving_up
from tollhouse.dataplane.dispatch.attempts.continuing import STATE, Broken, can_continue, take_up
from tollhouse.dataplane.dispatch.attempts.headers import as_mapping, request_target, to_provider
from tollhouse.dataplane.dispatch.attempts.hedge import OVERTAKEN
from tollhouse.dataplane.dispatch.attempts.outgoing import Prepared, prepare
from tollhouse.dataplane.dispatch.attempts.rivals import Rivals
from tollhouse.dataplane.dispatch.attempts.trial import Books, Trial
from tollhouse.dataplane.dispatch.choosing.explaining import explain_headers
from tollhouse.dataplane.dispatch.choosing.gate import Place
from tollhouse.dataplane.dispatch.choosing.plan import BY_RECORD, Plan, forbidden
from tollhouse.dataplane.dispatch.choosing.strategy import route_id
from tollhouse.dataplane.dispatch.choosing.targets import Target, states_of
from tollhouse.dataplane.dispatch.money.accounts import Accounts
from tollhouse.dataplane.dispatch.money.entry import Entry
from tollhouse.dataplane.dispatch.money.holding import HELD
from tollhouse.dataplane.dispatch.money.refusals import Refused, SmallerAnswer
from tollhouse.dataplane.dispatch.replies.answers import Answers
from tollhouse.dataplane.dispatch.setup.signing import Signer
from tollhouse.dataplane.engine.failover import Done, Ended, GiveUp, Step, Told, Try, Wait, failover
from tollhouse.dataplane.engine.patience import Kind
from tollhouse.dataplane.errors import GatewayError, GatewayFault, UpstreamError
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import TransportError, UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_MAX_ERROR_BODY = 1 << 20

_ONLY = Try(0, 1, None)
"""The first step of ``failover`` where there is one target."""


class Driver:
    """Executes plans. One per dispatching plugin; shared by exchanges."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._states = states_of(services)
        self._books = Books(services)
        self._answers = Answers(services)
        self._signer = Signer(services)
        self._rivals = Rivals(services, self._books)
        self._accounts = Accounts(services)

    async def send(self, ex: Exchange, plan: Plan) -> Reply:
        """The reply, whole or streaming. Raises GatewayError when every target that may be tried has failed."""
        if self._states.under_way >= self._states.most_under_way:
            raise UpstreamError(503, "overloaded", "The gateway has more work than it can do now.", retry_after_s=1.0)
        if not plan.targets:
            raise giving_up.explained(giving_up.nobody(ex, plan), ex, plan)
        clock = self._services.clock
        targets = plan.targets
        started = clock.monotonic()
        total, after_s = plan.limits.timeouts.total_s, plan.limits.hedge_s
        deadline = None if total is None else started + total
        # Of one target nothing has to be decided before it fails, which it seldom does.
        steps = self._steps(plan, started) if len(targets) > 1 else None
        tried: list[str] = []
        reason = ""
        step = next(steps) if steps is not None else _ONLY
        while True:
            if isinstance(step, Try):
                target = targets[step.index]
                if tried and tried[-1] != target.name:
                    self._count_failover(ex, tried[-1], target.name, reason)
                self._rivals.request()
                if after_s is None or len(targets) == 1 or (ex.protocol is not None and ex.protocol.opaque):
                    outcome, beside = await self._attempt(ex, plan, target, step.more, deadline), None
                else:
                    outcome, beside = await self._try_beside(ex, plan, step, after_s, deadline)
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
                tried.append(target.name)
                reason = outcome.kind
                if steps is None:
                    steps = self._steps(plan, started)
                    next(steps)
                step = steps.send(Ended(outcome, clock.monotonic(), beside=beside))
            elif isinstance(step, Wait):
                assert steps is not None
                await clock.sleep(step.seconds)
                step = steps.send(clock.monotonic())
            elif isinstance(step, GiveUp):
                cheaper = giving_up.downgraded(ex, plan, step)
                if cheaper is not None:
                    return await self.send(ex, cheaper)
                raise giving_up.explained(giving_up.gave_up(ex, step, tried), ex, plan)
            else:
                assert isinstance(step, Done)
                raise GatewayFault("failover_ended", "The gateway lost track of an attempt.")

    def _steps(self, plan: Plan, started: float) -> Generator[Step, Told, None]:
        targets = plan.targets
        return failover(
            [target.context_window for target in targets],
            plan.policy,
            started,
            self._services.luck.random,
            lambda index: self._states.of(targets[index]).budget,
            plan.main,
            plan.chains,
            plan.begin,
        )

    async def _try_beside(
        self, ex: Exchange, plan: Plan, step: Try, after_s: float, deadline: float | None
    ) -> tuple[Reply | UpstreamFailure, UpstreamFailure | None]:
        """One try, with a rival if it is slow to start."""
        target = plan.targets[step.index]
        rivals = self._rivals
        kind = rivals.kind(ex) if after_s == BY_RECORD else None
        if step.following is None:
            return await self._attempt(ex, plan, target, step.more, deadline, kind), None
        rival = plan.targets[step.following]
        return await rivals.race(
            ex,
            after_s,
            kind,
            target,
            rival,
            lambda: self._attempt(ex, plan, target, True, deadline, kind),
            lambda: self._attempt(ex, plan, rival, False, deadline, kind, True),
        )

    def _attempt(
        self,
        ex: Exchange,
        plan: Plan,
        target: Target,
        more: bool,
        deadline: float | None,
        kind: Kind | None = None,
        is_rival: bool = False,
    ) -> Coroutine[Any, Any, Reply | UpstreamFailure]:
        """One try, once there is a place for it at the target."""
        if target.max_in_flight:
            return self._attempt_in_turn(ex, plan, target, more, deadline, kind, is_rival)
        return self._send(ex, plan, target, more, deadline, None, kind, is_rival)

    async def _attempt_in_turn(
        self,
        ex: Exchange,
        plan: Plan,
        target: Target,
        more: bool,
        deadline: float | None,
        kind: Kind | None,
        is_rival: bool,
    ) -> Reply | UpstreamFailure:
        most = self._states.share(target)
        gate = self._states.of(target).gate
        wait_s = 0.0 if more else plan.limits.queue_s
        if deadline is not None:
            wait_s = min(wait_s, deadline - self._services.clock.monotonic())
        if not await gate.enter(ex.consumer_name or ex.client_ip, most, plan.limits.queue_size, wait_s):
            return UpstreamFailure("next", "busy", 503, "it has as many requests under way as it may", 1.0)
        place = Place(gate)
        try:
            return await self._send(ex, plan, target, more, deadline, place, kind, is_rival)
        finally:
            if not place.handed_on:
                place.leave()

    async def _send(
        self,
        ex: Exchange,
        plan: Plan,
        target: Target,
        more: bool,
        deadline: float | None,
        place: Place | None,
        kind: Kind | None,
        is_rival: bool,
    ) -> Reply | UpstreamFailure:
        """The trial is closed on every way out, except by a stream that lives on in the reply."""
        barred = forbidden(ex, target)
        if barred:
            return UpstreamFailure("next", "not_allowed", 0, barred)
        state = self._states.of(target)
        now = self._services.clock.monotonic()
        if plan.guarded and not state.permits(now, last_resort=plan.last_resort or not more):
            return giving_up.left_alone(state, now)
        entry: Entry | None = None
        if self._accounts.concern(ex, target):
            waited_s = ex.state.get(HELD, 0.0)
            prepared, begun = await self._prepare(ex, target, waits=not is_rival)
            if deadline is not None:  # waiting for a budget is no attempt's time
                deadline += ex.state.get(HELD, 0.0) - waited_s
            if isinstance(begun, UpstreamFailure):
                return begun
            entry = begun
        else:
            prepared = prepare(ex, target)
        trial = self._books.open(ex, target, state, entry, chooser=plan.chooser, place=place)
        trial.kind = kind
        if plan.limits.continues and STATE not in ex.state:
            trial.resume = lambda broken: self._resume(ex, plan, target, deadline, broken)
        try:
            upstream = self._request(ex, plan, target, prepared, more, deadline)
            if target.endpoint.credentials:
                await self._signer.sign(target.endpoint, upstream)
            trial.sent = True
            response = await self._services.transport.send(upstream)
            trial.first_byte()
            trial.attempt.status = response.status
            trial.quota(response.headers)
            try:
                outcome = await self._read(ex, plan, prepared, response, trial, more)
            except BaseException:
                response.close()
                raise
            if isinstance(outcome, UpstreamFailure):
                response.close()
                trial.fail(outcome)
        except TransportError as error:
            outcome = failures.of_transport(error)
            trial.sent = error.request_sent
            trial.fail(outcome)
        except GatewayFault as fault:
            if fault.code != "secret_unavailable":
                trial.cancel()
                raise
            outcome = failures.of_error(fault)
            trial.fail(outcome)
        except asyncio.CancelledError as cancelled:
            if cancelled.args == (OVERTAKEN,):
                trial.fail(UpstreamFailure("next", "slow", 0, "Another target answered first."))
            else:
                trial.cancel()
            raise
        except BaseException:
            trial.cancel()
            raise
        return outcome

    async def _resume(
        self, ex: Exchange, plan: Plan, failed: Target, deadline: float | None, broken: Broken
    ) -> AsyncIterator[bytes] | None:
        """The rest of a broken answer from another target; None when there is none, or it fails as well."""
        now = self._services.clock.monotonic()
        fit = (one for one in plan.targets if one.key != failed.key and self._states.of(one).permits(now))
        other = next((one for one in fit if can_continue(one)), None)
        if other is None:
            return None
        take_up(ex, broken)
        self._count_failover(ex, failed.name, other.name, "continued")
        try:
            outcome = await self._attempt(ex, plan, other, False, deadline)
        except GatewayError:
            return None
        return outcome.stream if isinstance(outcome, Reply) else None

    async def _prepare(
        self, ex: Exchange, target: Target, *, waits: bool
    ) -> tuple[Prepared, Entry | UpstreamFailure | None]:
        """What to send, with what it may cost held and written down; a failure where a budget has no room, at once
        for who does not wait."""
        prepared = prepare(ex, target)
        for _ in range(3):  # what is left may shrink between looking and taking
            try:
                return prepared, await self._accounts.begin(ex, target, prepared, waits=waits)
            except SmallerAnswer as smaller:
                prepared = prepare(ex, target, smaller.tokens)
            except Refused as refused:
                ex.state[giving_up.REFUSED] = refused
                return prepared, UpstreamFailure(
                    "next" if refused.next_target else "final", "budget", 0, refused.error.message
                )
        return prepared, UpstreamFailure("next", "budget", 0, "the budget was used by others meanwhile")

    def _request(
        self, ex: Exchange, plan: Plan, target: Target, prepared: Prepared, more: bool, deadline: float | None
    ) -> UpstreamRequest:
        secrets = self._services.secrets
        timeouts = plan.limits.timeouts
        if deadline is not None:  # of all attempts together
            left = max(0.001, deadline - self._services.clock.monotonic())
            patience = min(timeouts.first_byte_s, left / 2) if more else timeouts.first_byte_s
            timeouts = replace(timeouts, total_s=left, first_byte_s=patience)
        if more and timeouts.connect_s > plan.limits.connect_s_with_another:
            timeouts = replace(timeouts, connect_s=plan.limits.connect_s_with_another)
        spoken = prepared.spoken
        headers = to_provider(
            ex,
            target,
            secrets,
            same=prepared.same,
            stream=ex.peek.stream,
            protocol=spoken.name,
            stream_type=spoken.stream_type,
        )
        if not plan.limits.keepalive:
            headers.append(("connection", "close"))
        return UpstreamRequest(
            ex.method if spoken.opaque else "POST",
            target.endpoint.origin,
            request_target(ex, target, prepared.spoken.name, secrets, same=prepared.same),
            headers,
            prepared.body,
            timeouts,
        )

    async def _read(
        self,
        ex: Exchange,
        plan: Plan,
        prepared: Prepared,
        response: UpstreamResponse,
        trial: Trial,
        more: bool,
    ) -> Reply | UpstreamFailure:
        if not 200 <= response.status < 300:
            body = await response.read(_MAX_ERROR_BODY)
            provider = trial.target.endpoint.provider
            return provider.read_failure(response.status, as_mapping(response.headers), body)
        encoding = (response.header("content-encoding") or "identity").lower()
        if encoding != "identity":  # none was asked for, and what nobody can read must not be counted as an answer
            return UpstreamFailure("next", "invalid_reply", 0, f"The provider compressed its answer ({encoding[:20]}).")
        streams = (response.header("content-type") or "").startswith(prepared.spoken.stream_type)
        if streams and ex.peek.stream:
            return await self._answers.stream(ex, plan.limits, prepared, response, trial, more)
        return await self._answers.whole(ex, plan.limits, prepared, response, trial)

    def _count_failover(self, ex: Exchange, from_: str, to: str, reason: str) -> None:
        self._books.failovers(route_id(ex), from_, to, reason).add()
