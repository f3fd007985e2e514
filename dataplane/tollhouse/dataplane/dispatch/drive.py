"""Does what ``engine.failover`` says: sends, reads, and fails over until there is an answer or nothing left to try."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tollhouse.dataplane.dispatch import failures
from tollhouse.dataplane.dispatch.answers import Answers
from tollhouse.dataplane.dispatch.headers import as_mapping, request_target, to_provider
from tollhouse.dataplane.dispatch.outgoing import Prepared, prepare
from tollhouse.dataplane.dispatch.plan import OVER_QUOTA, SPENT, Plan
from tollhouse.dataplane.dispatch.targets import Target, TargetState, states_of
from tollhouse.dataplane.dispatch.trial import Books, Trial
from tollhouse.dataplane.engine.failover import Done, Ended, GiveUp, Try, Wait, failover
from tollhouse.dataplane.errors import ClientError, GatewayError, GatewayFault, UpstreamError
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import TransportError, UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_MAX_ERROR_BODY = 1 << 20


class Driver:
    """Executes plans. One per dispatching plugin; shared by exchanges."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._states = states_of(services)
        self._books = Books(services)
        self._answers = Answers(services)

    async def send(self, ex: Exchange, plan: Plan) -> Reply:
        """The reply, whole or streaming. Raises GatewayError when every target that may be tried has failed."""
        if not plan.targets:
            raise self._nobody(ex, plan)
        clock = self._services.clock
        targets = plan.targets
        steps = failover(
            [target.context_window for target in targets],
            plan.policy,
            clock.monotonic(),
            self._services.luck.random,
            lambda index: self._states.of(targets[index]).budget,
        )
        tried: list[str] = []
        reason = ""
        step = next(steps)
        while True:
            if isinstance(step, Try):
                target = targets[step.index]
                if tried and tried[-1] != target.name:
                    self._count_failover(ex, tried[-1], target.name, reason)
                tried.append(target.name)
                outcome = await self._attempt(ex, plan, target, step.more)
                if isinstance(outcome, Reply):
                    steps.close()
                    return outcome
                reason = outcome.kind
                step = steps.send(Ended(outcome, clock.monotonic()))
            elif isinstance(step, Wait):
                await clock.sleep(step.seconds)
                step = steps.send(clock.monotonic())
            elif isinstance(step, GiveUp):
                raise self._gave_up(ex, step, tried)
            else:
                assert isinstance(step, Done)
                raise GatewayFault("failover_ended", "The gateway lost track of an attempt.")

    async def _attempt(self, ex: Exchange, plan: Plan, target: Target, more: bool) -> Reply | UpstreamFailure:
        """One try. The trial is closed on every way out, except by a stream that lives on in the reply."""
        state = self._states.of(target)
        now = self._services.clock.monotonic()
        if plan.guarded and not state.permits(now, last_resort=plan.last_resort):
            return _left_alone(state, now)
        trial = self._books.open(ex, target, state)
        try:
            prepared = prepare(ex, target)
            response = await self._services.transport.send(self._request(ex, plan, target, prepared, more))
            trial.first_byte()
            trial.attempt.status = response.status
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
            trial.fail(outcome)
        except GatewayFault as fault:
            if fault.code != "secret_unavailable":
                trial.cancel()
                raise
            outcome = failures.of_error(fault)
            trial.fail(outcome)
        except BaseException:
            trial.cancel()
            raise
        return outcome

    def _request(self, ex: Exchange, plan: Plan, target: Target, prepared: Prepared, more: bool) -> UpstreamRequest:
        secrets = self._services.secrets
        timeouts = plan.limits.timeouts
        if more and timeouts.connect_s > plan.limits.connect_s_with_another:
            timeouts = replace(timeouts, connect_s=plan.limits.connect_s_with_another)
        headers = to_provider(ex, target, secrets, same=prepared.same, stream=ex.peek.stream)
        if not plan.limits.keepalive:
            headers.append(("connection", "close"))
        return UpstreamRequest(
            "POST",
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
        streams = (response.header("content-type") or "").startswith("text/event-stream")
        if streams and ex.peek.stream:
            return await self._answers.stream(ex, plan.limits, prepared, response, trial, more)
        return await self._answers.whole(ex, plan.limits, prepared, response, trial)

    def _count_failover(self, ex: Exchange, from_: str, to: str, reason: str) -> None:
        self._books.failovers(ex.route.id if ex.route is not None else "", from_, to, reason).add()

    def _gave_up(self, ex: Exchange, step: GiveUp, tried: list[str]) -> GatewayError:
        error = failures.to_error(step.failures, tried)
        error.headers["x-tollhouse-attempts"] = str(len(ex.attempts))
        return error

    def _nobody(self, ex: Exchange, plan: Plan) -> GatewayError:
        told = "; ".join(f"{name}: {reason}" for name, reason in plan.left_out) or "none is configured"
        if plan.left_out and all(reason.startswith("the caller may not") for _, reason in plan.left_out):
            return ClientError(403, "model_not_allowed", f"You may not use this model here ({told}).")
        if plan.left_out and all(reason.startswith("cannot do") for _, reason in plan.left_out):
            return ClientError(400, "unsupported_by_model", f"No target can serve this request ({told}).")
        if plan.left_out and all(reason == OVER_QUOTA for _, reason in plan.left_out):
            waits = ex.state.get(SPENT, ())
            wait = min(waits.values()) if isinstance(waits, dict) and waits else None
            return ClientError(429, "rate_limited", f"Every target's quota is used up ({told}).", retry_after_s=wait)
        if plan.left_out and all("do not fit" in reason for _, reason in plan.left_out):
            return ClientError(400, "context_too_long", f"The request is too long for every target ({told}).")
        return UpstreamError(503, "no_target", f"No target can take this request now ({told}).")


def _left_alone(state: TargetState, now: float) -> UpstreamFailure:
    """Its breaker is open and nothing better is there: told without asking it."""
    wait = max(1.0, state.wait_s(now))
    if state.breaker.reason == "rate_limited":
        return UpstreamFailure("next", "rate_limited", 429, "it is rate limited", wait)
    return UpstreamFailure("next", "open", 0, "it failed a moment ago and is left alone for now", wait)
