"""One try at one target: through its gate and past its breaker, with its cost held, to an answer or a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tollhouse.dataplane.dispatch.attempts import failures, giving_up
from tollhouse.dataplane.dispatch.attempts.continuing import STATE
from tollhouse.dataplane.dispatch.attempts.headers import as_mapping, request_target, to_provider
from tollhouse.dataplane.dispatch.attempts.hedge import OVERTAKEN
from tollhouse.dataplane.dispatch.attempts.journey import Hop, Journey
from tollhouse.dataplane.dispatch.attempts.outgoing import Prepared, prepare
from tollhouse.dataplane.dispatch.attempts.resuming import resume
from tollhouse.dataplane.dispatch.attempts.trial import Books, Trial
from tollhouse.dataplane.dispatch.choosing.gate import Door, Place, enter_any
from tollhouse.dataplane.dispatch.choosing.plan import forbidden
from tollhouse.dataplane.dispatch.choosing.targets import UNHEALTHY, Target
from tollhouse.dataplane.dispatch.money.accounts import Accounts
from tollhouse.dataplane.dispatch.money.entry import Entry
from tollhouse.dataplane.dispatch.money.refusals import Refused, SmallerAnswer
from tollhouse.dataplane.dispatch.replies.answers import Answers
from tollhouse.dataplane.dispatch.replies.refusals import NothingButRefused, WatchedForRefusal, is_watched
from tollhouse.dataplane.dispatch.setup.signing import Signer
from tollhouse.dataplane.engine.tokens import complete
from tollhouse.dataplane.errors import ClientError, GatewayFault
from tollhouse.dataplane.protocols._fields import NOT_CARRIED
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import TransportError, UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_MAX_ERROR_BODY = 1 << 20
_ERROR_BODY_S = 1.0
"""How long the words of an error are waited for."""


class Asker:
    """Makes tries. One per driver; shared by exchanges."""

    def __init__(self, services: Services, books: Books) -> None:
        self._clock = services.clock
        self._secrets = services.secrets
        self._transport = services.transport
        self._states = books.states
        self._books = books
        self._answers = Answers(services)
        self._signer = Signer(services)
        self._accounts = Accounts(services)

    def ask(self, journey: Journey, hop: Hop) -> Coroutine[Any, Any, Reply | UpstreamFailure]:
        """One try, once there is a place for it at the target."""
        return self._in_turn(journey, hop) if hop.target.max_in_flight else self._ask(journey, hop)

    async def _in_turn(self, journey: Journey, hop: Hop) -> Reply | UpstreamFailure:
        """The last of several full targets waits for all of them, and goes to the one that has room first."""
        ex, limits = journey.ex, journey.plan.limits
        waited_for = {self._states.of(hop.target).gate: hop.target}
        wait_s = 0.0
        if not hop.more:
            wait_s = min(limits.queue_s, journey.left_s(self._clock.monotonic()))
            for target in journey.full_now():
                waited_for.setdefault(self._states.of(target).gate, target)
        doors = [Door(gate, self._states.share(target)) for gate, target in waited_for.items()]
        gate = await enter_any(doors, ex.consumer_name or ex.client_ip, limits.queue_size, wait_s)
        if gate is None:
            journey.was_full(hop.target)
            return UpstreamFailure("next", "busy", 503, "it has as many requests under way as it may", 1.0)
        hop.target = waited_for[gate]
        hop.place = place = Place(gate)
        try:
            return await self._ask(journey, hop)
        finally:
            if not place.handed_on:
                place.leave()

    async def _ask(self, journey: Journey, hop: Hop) -> Reply | UpstreamFailure:
        """The trial is closed on every way out, except by a stream that lives on in the reply."""
        ex, plan, target = journey.ex, journey.plan, hop.target
        barred = forbidden(ex, target)
        if barred:
            return UpstreamFailure("next", "not_allowed", 0, barred)
        state = self._states.of(target)
        if plan.guarded:
            now = self._clock.monotonic()
            if not state.permits(now, last_resort=plan.last_resort or not hop.more):
                return giving_up.left_alone(state, now)
            if hop.more and not plan.last_resort and not self._states.healthy(target):
                return UpstreamFailure("next", "open", 0, UNHEALTHY)
        entry: Entry | None = None
        try:
            if self._accounts.concern(ex, target):
                prepared, begun = await self._prepare(ex, target, waits=not hop.is_rival)
                if isinstance(begun, UpstreamFailure):
                    return begun
                entry = begun
            else:
                prepared = prepare(ex, target)
        except ClientError as refused:
            if not hop.more or refused.code != NOT_CARRIED:
                raise
            return failures.not_carried(refused)
        trial = self._books.open(ex, target, state, entry, chooser=plan.chooser, place=hop.place)
        trial.kind = hop.kind
        if plan.limits.continues and STATE not in ex.state:
            trial.resume = lambda broken: resume(self.ask, self._books, journey, target, broken)
        try:
            upstream = self._request(journey, hop, prepared)
            if target.endpoint.credentials:
                await self._signer.sign(target.endpoint, upstream)
            trial.sent = True
            response = await self._transport.send(upstream)
            trial.first_byte()
            trial.attempt.status = response.status
            trial.quota(response.headers)
            try:
                outcome = await self._read(journey, hop, prepared, response, trial)
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

    def _request(self, journey: Journey, hop: Hop, prepared: Prepared) -> UpstreamRequest:
        ex, target, limits = journey.ex, hop.target, journey.plan.limits
        secrets = self._secrets
        timeouts = limits.timeouts
        if journey.deadline_s is not None:  # of all tries together
            left = max(0.001, journey.left_s(self._clock.monotonic()))
            patience, total_s = timeouts.first_byte_s, left
            if hop.more:
                patience = min(patience, left / 2)
                if not ex.peek.stream and not prepared.spoken.opaque:  # it begins when it is there
                    total_s = left / 2
            timeouts = replace(timeouts, total_s=total_s, first_byte_s=patience)
        if hop.more and timeouts.connect_s > limits.connect_s_with_another:
            timeouts = replace(timeouts, connect_s=limits.connect_s_with_another)
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
        if not limits.keepalive:
            headers.append(("connection", "close"))
        return UpstreamRequest(
            ex.method if spoken.opaque else "POST",
            target.endpoint.origin,
            request_target(ex, target, spoken.name, secrets, same=prepared.same),
            headers,
            prepared.body,
            timeouts,
        )

    async def _read(
        self, journey: Journey, hop: Hop, prepared: Prepared, response: UpstreamResponse, trial: Trial
    ) -> Reply | UpstreamFailure:
        if not 200 <= response.status < 300:
            try:
                async with asyncio.timeout(_ERROR_BODY_S):
                    body = await response.read(_MAX_ERROR_BODY)
            except (TimeoutError, TransportError):
                body = b""  # the status tells enough
            provider = hop.target.endpoint.provider
            return provider.read_failure(response.status, as_mapping(response.headers), body)
        encoding = (response.header("content-encoding") or "identity").lower()
        if encoding != "identity":  # none was asked for, and what nobody can read must not be counted as an answer
            return UpstreamFailure("next", "invalid_reply", 0, f"The provider compressed its answer ({encoding[:20]}).")
        if is_watched(journey.ex, journey.plan, hop.target, prepared.spoken):
            watched = WatchedForRefusal(response, prepared.spoken)
            try:
                outcome = await self._answer(journey, hop, prepared, watched, trial)
            except NothingButRefused as refused:
                failure = failures.refused()
                trial.fail(failure, refused.usage or complete(None, len(prepared.body), 0))
                return failure
            watched.stop()
            return outcome
        return await self._answer(journey, hop, prepared, response, trial)

    async def _answer(
        self, journey: Journey, hop: Hop, prepared: Prepared, response: UpstreamResponse, trial: Trial
    ) -> Reply | UpstreamFailure:
        ex, limits = journey.ex, journey.plan.limits
        if ex.peek.stream and (response.header("content-type") or "").startswith(prepared.spoken.stream_type):
            started_s = trial.attempt.started_s
            until_s = started_s + journey.patience_s(limits.timeouts.first_byte_s, started_s) if hop.more else None
            return await self._answers.stream(ex, limits, prepared, response, trial, until_s)
        return await self._answers.whole(ex, limits, prepared, response, trial)
