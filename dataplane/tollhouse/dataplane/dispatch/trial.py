"""The books of one attempt: what it used, what it cost, what the target's state learns from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.dispatch.targets import Target, TargetState, states_of
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.dataplane.exchange import Attempt
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.services import Services

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


_LONGEST_NAME = 128
"""Of a model's name that a client made up; labels and headers hold no more (APISIX)."""


class Books:
    """The metrics of attempts; one per worker and plugin."""

    def __init__(self, services: Services) -> None:
        self.clock = services.clock
        self.states = states_of(services)
        self.attempts = services.metrics.counter(
            "tollhouse_attempts_total",
            "Tries on targets, by how they ended (ok, cancelled, or the kind of failure).",
            ("route", "target", "provider", "model", "outcome"),
        )
        self.failovers = services.metrics.counter(
            "tollhouse_failovers_total",
            "Requests that moved on from one target to another, by the failure that made them.",
            ("route", "target", "next", "reason"),
        )

    def open(self, ex: Exchange, target: Target, state: TargetState) -> Trial:
        """Begin an attempt."""
        now = self.clock.monotonic()
        provider = target.endpoint.provider
        model = (target.model or ex.peek.model)[:_LONGEST_NAME]
        attempt = Attempt(target.name, target.endpoint.name, provider.otel_name, model, now)
        ex.attempts.append(attempt)
        return Trial(self, ex, target, state, attempt)


class Trial:
    """One attempt, from sending to the last byte. Exactly one of the endings counts, however often they are called."""

    __slots__ = ("_books", "_probes", "attempt", "ended", "ex", "state", "target")

    def __init__(self, books: Books, ex: Exchange, target: Target, state: TargetState, attempt: Attempt) -> None:
        self._books = books
        self.ex = ex
        self.target = target
        self.state = state
        self.attempt = attempt
        self.ended = False
        self._probes = state.begin(attempt.started_s)

    def first_byte(self) -> None:
        """The answer's first byte is here."""
        if self.attempt.first_byte_s is None:
            self.attempt.first_byte_s = self._books.clock.monotonic()

    def succeed(self, usage: Usage) -> None:
        """The answer is complete."""
        self._close("", None, usage)

    def fail(self, failure: UpstreamFailure, usage: Usage | None = None) -> None:
        """It failed; ``usage`` when part of an answer had come."""
        if not self.ended:
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
        if usage is not None:
            self._charge(usage)
        took = None if kind or attempt.first_byte_s is None else attempt.first_byte_s - attempt.started_s
        self.state.end(now, self._probes, kind, retry_after_s, took)
        route = self.ex.route.id if self.ex.route is not None else ""
        self._books.attempts(route, attempt.target, attempt.provider, attempt.model, kind or "ok").add()

    def _charge(self, usage: Usage) -> None:
        self.attempt.usage = usage
        price = self.target.price
        self.attempt.price_known = price is not None
        if price is not None:
            self.attempt.cost_nano = cost(usage, price)
