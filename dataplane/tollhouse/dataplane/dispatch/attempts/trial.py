"""The books of one attempt: what it used, what it cost, what the target's state learns from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.dispatch.attempts.alarms import Alarms
from tollhouse.dataplane.dispatch.choosing.gate import Place
from tollhouse.dataplane.dispatch.choosing.strategy import route_id
from tollhouse.dataplane.dispatch.choosing.target_state import TargetState
from tollhouse.dataplane.dispatch.choosing.targets import Target, states_of
from tollhouse.dataplane.dispatch.money.by_unit import with_units
from tollhouse.dataplane.dispatch.money.entry import Entry
from tollhouse.dataplane.dispatch.money.kept import KeptAnswers, Told, told_of
from tollhouse.dataplane.engine.patience import Kind
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.dataplane.engine.quota_headers import headroom
from tollhouse.dataplane.engine.telling import telling_s
from tollhouse.dataplane.engine.tokens import complete
from tollhouse.dataplane.exchange import Attempt
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.services import Services
from tollhouse.proto.units import NanoUSD

if TYPE_CHECKING:
    from tollhouse.dataplane.dispatch.attempts.continuing import Broken
    from tollhouse.dataplane.dispatch.choosing.strategy import Chooser
    from tollhouse.dataplane.exchange import Exchange


_LONGEST_NAME = 128
"""Of a model's name that a client made up; labels and headers hold no more (APISIX)."""


_PROBABLY_BILLED = frozenset({"cancelled", "slow", "timeout", "cut", "connect", "invalid_reply"})
"""Endings after which a provider that had the request may have worked on it, and never said what it charges."""


_KEYS = frozenset({"auth", "no_access"})
"""Failures after which somebody has to see to a key."""

_READ = frozenset({"read", "mend"})
"""Of what a provider kept: see ``chat.Special.kept``."""

Resume = Callable[["Broken"], Awaitable[AsyncIterator[bytes] | None]]


class Books:
    """The metrics of attempts; one per worker and plugin."""

    def __init__(self, services: Services) -> None:
        self.clock = services.clock
        self.states = states_of(services)
        self.alarms = Alarms(services)
        self.kept = KeptAnswers()
        self.attempts = services.metrics.counter(
            "tollhouse_attempts_total",
            "Tries on targets, by how they ended (ok, cancelled, or the kind of failure), and by whose fault a failure "
            "was (agent, provider, or gateway: whoever runs this one).",
            ("route", "target", "provider", "model", "fault", "outcome"),
        )
        self.failovers = services.metrics.counter(
            "tollhouse_failovers_total",
            "Requests that moved on from one target to another, by the failure that made them.",
            ("route", "target", "next", "reason"),
        )

        self.hedges = services.metrics.counter(
            "tollhouse_hedges_total",
            "Requests sent to a second target because the first was slow to start.",
            ("route", "target", "rival"),
        )

    def moved_on(self, ex: Exchange, target: str, next: str, reason: str) -> None:
        """A request turns from one target to another."""
        self.failovers(route_id(ex), target, next, reason).add()

    def open(
        self,
        ex: Exchange,
        target: Target,
        state: TargetState,
        entry: Entry | None = None,
        *,
        chooser: Chooser | None = None,
        place: Place | None = None,
    ) -> Trial:
        """Begin an attempt. ``chooser`` learns from it; ``place``: its place behind the target's gate, from now on the
        trial's to give back."""
        now = self.clock.monotonic()
        provider = target.endpoint.provider
        model = (target.model or ex.peek.model)[:_LONGEST_NAME]
        attempt = Attempt(target.name, target.endpoint.name, provider.otel_name, model, now)
        ex.attempts.append(attempt)
        return Trial(self, ex, target, state, attempt, entry, chooser, place)


class Trial:
    """One attempt, from sending to the last byte. Exactly one of the endings counts, however often they are called."""

    __slots__ = (
        "_books",
        "_chooser",
        "_content_s",
        "_place",
        "_probes",
        "attempt",
        "ended",
        "entry",
        "ex",
        "kind",
        "resume",
        "sent",
        "state",
        "target",
    )

    def __init__(
        self,
        books: Books,
        ex: Exchange,
        target: Target,
        state: TargetState,
        attempt: Attempt,
        entry: Entry | None = None,
        chooser: Chooser | None = None,
        place: Place | None = None,
    ) -> None:
        self._books = books
        self._chooser = chooser
        self._place = place
        self._content_s: float | None = None
        self.ex = ex
        self.target = target
        self.state = state
        self.attempt = attempt
        self.ended = False
        self.entry = entry
        self.resume: Resume | None = None
        """Has the rest of a broken answer said by another target; None: nobody may."""
        self.kind: Kind | None = None
        """What its time to begin is measured by; None: it is not measured."""
        self.sent = False
        """The provider may have got the request."""
        self._probes = books.states.begin(state)
        if place is not None:
            place.handed_on = True

    def first_byte(self) -> None:
        """The answer's first byte is here."""
        self.sent = True
        if self.attempt.first_byte_s is None:
            self.attempt.first_byte_s = self._books.clock.monotonic()

    def content(self) -> None:
        """The stream's first content is here."""
        if self._content_s is None:
            now = self._content_s = self.state.alive_s = self._books.clock.monotonic()
            if self.kind is not None:
                self.state.paced(self.kind, now - self.attempt.started_s, now)

    def quota(self, headers: Iterable[tuple[str, str]]) -> None:
        """What the answer's headers say of the provider's quota."""
        share = headroom(headers)
        if share is not None:
            self.state.told_quota(share, self._books.clock.monotonic())

    def succeed(self, usage: Usage) -> None:
        """The answer is complete."""
        self._close("", None, usage)

    def fail(self, failure: UpstreamFailure, usage: Usage | None = None) -> None:
        """It failed; ``usage`` when part of an answer had come."""
        if not self.ended:
            if failure.kind in ("no_access", "not_found") and not self.state.model:
                failure.fault = "agent"  # it chose the model itself
            elif failure.kind in _KEYS:
                self._books.alarms.dead_key(self.target, failure)
            self.attempt.failure = failure
            self.attempt.status = self.attempt.status or failure.status
        self._close(failure.kind, failure.retry_after_s, usage)

    def cancel(self, usage: Usage | None = None) -> None:
        """The client left, or we gave up on it for reasons that are not the provider's."""
        self._close("cancelled", None, usage)

    def _close(self, kind: str, retry_after_s: float | None, usage: Usage | None) -> None:
        if self.ended:
            return
        self.ended = True
        attempt = self.attempt
        now = attempt.ended_s = self._books.clock.monotonic()
        if usage is None and self.sent and kind in _PROBABLY_BILLED:
            usage = self._assumed()
        told: Told | None = None
        if usage is not None:
            special = usage.special
            if special is not None and special.kept in _READ:
                told = self._charge_kept(usage, special)
                usage = attempt.usage
            else:
                self._charge(usage)
        if self.entry is not None:
            self.entry.close(kind, attempt, sent=self.sent, told=told)
        took = None if kind or attempt.first_byte_s is None else attempt.first_byte_s - attempt.started_s
        self._measure(kind, usage, now)
        self._books.states.end(self.state, self._probes, self._lesson(kind), retry_after_s, took)
        if self._place is not None:
            self._place.leave()
        if not kind and usage is not None:
            self._learn(usage, now)
        route = self.ex.route.id if self.ex.route is not None else ""
        fault = attempt.failure.fault if attempt.failure is not None else ""
        self._books.attempts(route, attempt.target, attempt.provider, attempt.model, fault, kind or "ok").add()

    def _assumed(self) -> Usage:
        """What a provider that was asked and never answered may charge."""
        price = self.target.price
        if price is not None and price.by_unit and (usage := with_units(self.ex, price, None)) is not None:
            usage.estimated = True
            return usage
        return complete(None, len(self.ex.body or b""), 0)

    def _lesson(self, kind: str) -> str:
        """What the breakers learn: nothing from one that got no connection where others were answered meanwhile (it is
        not down; a crowd came at once, as it does after another's end), nor from a limit that is shorter than its
        answers ordinarily take: that is the route's, and others share the target."""
        if not kind:
            return kind
        attempt, state = self.attempt, self.state
        if kind in ("connect", "timeout") and not self.sent and state.alive_s > attempt.started_s:
            return "cancelled"
        if kind == "timeout" and attempt.failure is not None and attempt.ended_s is not None:
            silent_s = attempt.failure.silent_s
            waited_s = attempt.ended_s - attempt.started_s if silent_s is None else silent_s
            if waited_s < telling_s(state.first_byte_s if self.sent else 0.0):
                return "cancelled"
        return kind

    def _measure(self, kind: str, usage: Usage | None, now: float) -> None:
        """Latency for the strategies: of streams to the first content and per token, of whole answers per token."""
        state, took = self.state, now - self.attempt.started_s
        if kind in ("timeout", "slow"):
            state.start.observe(took, now)
            kept = self.kind is not None and state.brisk_s > self.attempt.started_s
            if self.kind is not None and kept and took > state.ordinary_s(self.kind, now):
                state.paced(self.kind, took, now)  # it is well, such requests last
        elif self.attempt.status:
            state.alive_s = now
        if self.kind is not None and not kind and self._content_s is None:
            state.paced(self.kind, took, now)
        if kind or usage is None or not usage.output_tokens:  # embeddings and lists have no time per token
            return
        if self._content_s is None:
            state.token.observe(max(0.0, took - state.start.value) / usage.output_tokens, now)
            return
        state.start.observe(self._content_s - self.attempt.started_s, now)
        if usage.output_tokens > 1:
            state.token.observe((now - self._content_s) / (usage.output_tokens - 1), now)

    def _learn(self, usage: Usage, now: float) -> None:
        """What this answer says of the agent's next requests."""
        ex, chooser = self.ex, self._chooser
        if chooser is None:
            return
        expectations = self._books.states.expectations
        route = ex.route.id if ex.route is not None else ""
        expectations.learn(ex.consumer_name, route, len(ex.body or b""), usage)
        session = chooser.session(ex)
        if not session:
            return
        keeps_s = self.target.endpoint.provider.cache_s
        expectations.visited(session, ex.consumer_name, self.target.key, usage, now, keeps_s)
        if chooser.stickiness is not None:
            chooser.stickiness.remember(session, self.target.name, now)

    def _charge_kept(self, usage: Usage, special: Special) -> Told:
        """The first reading counts; what the record says is what it would cost, others know all readings."""
        attempt, books = self.attempt, self._books
        told, attempt.price_known = told_of(self.ex, self.target, usage, special, books.clock.time())
        first = special.kept == "read" and books.kept.first(attempt.provider, special.answer)
        attempt.usage = usage if first else Usage()
        attempt.cost_nano = told.nano if first else NanoUSD(0)
        return told

    def _charge(self, usage: Usage) -> None:
        self.attempt.usage = usage
        price = self.target.price
        self.attempt.price_known = price is not None and price.known
        if price is not None:
            self.attempt.cost_nano = cost(usage, price)
