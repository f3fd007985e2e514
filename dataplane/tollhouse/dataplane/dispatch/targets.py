"""Targets, and what this worker remembers of them: load, breakers, latency, health."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tollhouse.dataplane.dispatch.endpoints import Endpoint
from tollhouse.dataplane.engine.breaker import DEAD_KEY, Breaker
from tollhouse.dataplane.engine.failover import RetryBudget
from tollhouse.dataplane.services import Clock, Services
from tollhouse.proto.catalog import PriceTable


@dataclass(frozen=True, slots=True)
class Target:
    """One provider and the provider's own model name, with everything a try needs. Shared by exchanges."""

    name: str
    """The instance's name in configs, headers and metrics."""
    endpoint: Endpoint
    model: str
    """Empty: whatever the client asked for."""
    weight: int = 1
    priority: int = 0
    native: bool = True
    price: PriceTable | None = None
    """None: unknown, which is not the same as free."""
    context_window: int = 0
    max_output: int = 0
    lacks: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)
    """Body fields that overwrite the client's."""
    max_tokens: int | None = None
    """A forced limit, written into whichever field the provider has for it."""
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Protocol -> partial body, merged deeply."""
    force_overrides: bool = False
    """The partial body outweighs what the client sent."""
    key: str = ""
    """Tells targets apart across routes and edits: one account and model share their state wherever they stand. Never
    made of what clients send."""


class TargetState:
    """What one worker knows of one target right now. Lives as long as the worker."""

    __slots__ = ("account", "breaker", "budget", "first_byte_s", "in_flight", "model", "name")

    smoothing = 0.3

    def __init__(self, name: str, model: str, account: Breaker) -> None:
        self.name = name
        self.model = model
        """As configured; empty where clients choose it."""
        self.breaker = Breaker()
        self.account = account
        """The breaker of the whole account and address: a dead key or a closed port concerns all its models."""
        self.budget = RetryBudget()
        self.in_flight = 0
        self.first_byte_s = 0.0
        """Time to the first byte, exponentially smoothed; 0 while unknown, so that it gets tried."""

    def permits(self, now: float, *, last_resort: bool = False) -> bool:
        """Whether both breakers let a request through."""
        return self.breaker.permits(now, last_resort=last_resort) and self.account.permits(now, last_resort=last_resort)

    def shut(self, now: float) -> str:
        """Why it is shut out, for people; empty when it is not."""
        for breaker, what in ((self.account, "its provider"), (self.breaker, "it")):
            if not breaker.permits(now):
                reason = breaker.reason or breaker.forced
                return f"the breaker is open ({what} failed: {reason}), {breaker.wait_s(now):.1f} s to go"
        return ""

    def wait_s(self, now: float) -> float:
        """Seconds until it may be tried again."""
        return max(self.breaker.wait_s(now), self.account.wait_s(now))

    def begin(self, now: float) -> tuple[bool, bool]:
        """A try begins; hand the result to ``end``."""
        self.in_flight += 1
        return self.breaker.started(now), self.account.started(now)

    def end(
        self, now: float, probes: tuple[bool, bool], kind: str, retry_after_s: float | None, took_s: float | None
    ) -> bool:
        """A try ended, ``kind`` as ``Breaker.ended`` takes it. Returns whether a breaker opened by it."""
        self.in_flight -= 1
        if took_s is not None:
            self.first_byte_s += (took_s - self.first_byte_s) * (self.smoothing if self.first_byte_s else 1.0)
        concerns_account = kind in DEAD_KEY or kind == "connect"
        opened = self.breaker.ended(now, probes[0], "cancelled" if concerns_account else kind, retry_after_s)
        # Any answer proves the account reachable, so only failures of its own kind count against it.
        account_kind = kind if concerns_account or kind in ("", "cancelled", "timeout") else "answered"
        return self.account.ended(now, probes[1], account_kind, retry_after_s) or opened


class TargetStates:
    """The states of all targets of one worker, made when first asked for. One per worker, in ``services.targets``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._states: dict[str, TargetState] = {}
        self._accounts: dict[str, Breaker] = {}

    def of(self, target: Target) -> TargetState:
        """The state of a target."""
        key = target.key
        state = self._states.get(key)
        if state is None:
            account = self._accounts.setdefault(target.endpoint.key, Breaker())
            state = self._states[key] = TargetState(target.name, target.key.partition("/")[2], account)
        return state

    def named(self, name: str) -> list[TargetState]:
        """All states of targets with this name, for an operator's ``open``, ``close`` and ``reset``."""
        return [state for state in self._states.values() if state.name == name]

    def report(self) -> list[dict[str, Any]]:
        """All of them for status pages: plain data, no addresses and no keys."""
        now = self._clock.monotonic()
        return [
            {
                "target": state.name,
                "model": state.model,
                "in_flight": state.in_flight,
                "breaker": state.breaker.state(now),
                "account_breaker": state.account.state(now),
                "reason": state.account.reason or state.breaker.reason,
                "retry_in_s": round(state.wait_s(now), 3),
                "first_byte_s": round(state.first_byte_s, 6),
            }
            for state in self._states.values()
        ]

    def __iter__(self) -> Iterator[TargetState]:
        return iter(self._states.values())


def states_of(services: Services) -> TargetStates:
    """The worker's target states; made at the first call."""
    if services.targets is None:
        services.targets = TargetStates(services.clock)
    states: TargetStates = services.targets
    return states
