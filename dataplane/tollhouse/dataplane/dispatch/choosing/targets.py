"""Targets, and what this worker remembers of them: load, breakers, latency, quota, caches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tollhouse.dataplane.dispatch.choosing.probes import Probes
from tollhouse.dataplane.dispatch.choosing.target_state import Action, TargetState
from tollhouse.dataplane.dispatch.setup.endpoints import Endpoint
from tollhouse.dataplane.dispatch.setup.probed import Probe
from tollhouse.dataplane.engine.breaker import Breaker
from tollhouse.dataplane.engine.expectations import Expectations
from tollhouse.dataplane.services import Cell, Clock, Metrics, Services
from tollhouse.proto.catalog import PriceTable

UNHEALTHY = "its health check fails"


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
    unknown_price: str = ""
    """What is done because nobody knows the price: ``block``, ``estimate``, ``free``; empty where it is known."""
    context_window: int = 0
    max_output: int = 0
    lacks: frozenset[str] = frozenset()
    prefills: bool = False
    """Its model goes on with an answer that was begun by another."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Body fields that overwrite the client's."""
    max_tokens: int | None = None
    """A forced limit, written into whichever field the provider has for it."""
    max_tokens_cap: int | None = None
    """A limit the client may only go below."""
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Protocol -> partial body, merged deeply."""
    force_overrides: bool = False
    """The partial body outweighs what the client sent."""
    key: str = ""
    """Tells targets apart across routes and edits: one account and model share their state wherever they stand. Never
    made of what clients send."""
    max_in_flight: int = 0
    """Requests the node sends it at a time; 0: no bound."""
    rivals: tuple[PriceTable, ...] = ()
    """What the same would cost at the instances beside it, where that is not all the same."""
    probe: Probe | None = None
    """How it is probed; None: not at all."""


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """A breaker of this worker opened or closed by its own traffic: news for the node's other workers."""

    key: str
    """The target's, or its account's."""
    account: bool
    opened: bool
    reason: str
    seconds: float


class TargetStates:
    """The states of all targets of one worker, made when first asked for. One per worker, in ``services.targets``."""

    def __init__(self, clock: Clock, metrics: Metrics | None = None, worker: int = 0, workers: int = 1) -> None:
        self._clock = clock
        self._worker, self._workers = worker, workers
        self._states: dict[str, TargetState] = {}
        self._accounts: dict[str, Breaker] = {}
        self._forced: dict[str, Action] = {}
        self.expectations = Expectations()
        self.most_under_way = 4000
        """Attempts one worker has under way at most; more are refused at once, while it can still refuse quickly."""
        self.under_way = 0
        """Attempts on all targets together."""
        self.probes: Probes | None = None
        """None: nothing is probed."""
        self.on_change: Callable[[BreakerChange], None] | None = None
        """Told of every breaker that opens or closes by this worker's own traffic."""
        self._levels: Callable[..., Cell] | None = None
        if metrics is not None:
            self._levels = metrics.gauge(
                "tollhouse_breaker_state",
                "The breaker of a target: 0 closed, 1 half open (a probe is under way), 2 open.",
                ("target", "model"),
            )

    def of(self, target: Target) -> TargetState:
        """The state of a target."""
        state = self._states.get(target.key)
        return state if state is not None else self._create(target)

    def _create(self, target: Target) -> TargetState:
        model = target.key.partition("/")[2]
        account = self._accounts.setdefault(target.endpoint.key, Breaker())
        endpoint = target.endpoint
        state = TargetState(target.name, model, account, target.key, endpoint.key, endpoint.name)
        self._states[target.key] = state
        if self._levels is not None:
            state.level = self._levels(target.name, model)
            state.show(self._clock.monotonic())
        for name, action in self._forced.items():
            if _is_called(state, name):
                state.force(action)
        return state

    def share(self, target: Target) -> int:
        """How many of the node's requests to a target may come from this worker at a time; 0: no bound."""
        if not target.max_in_flight:
            return 0
        whole, rest = divmod(target.max_in_flight, self._workers)
        return max(1, whole + (self._worker < rest))

    def full(self, target: Target) -> bool:
        """Whether a further request would have to wait."""
        most = self.share(target)
        return most > 0 and self.of(target).gate.is_full(most)

    def healthy(self, target: Target) -> bool:
        """What its probes say, which begin by being asked for; healthy without any."""
        probe = target.probe
        if probe is None or self.probes is None:
            return True
        self.of(target).probe = probe
        return self.probes.healthy(probe)

    def watch(self, catalogue: Iterable[Target]) -> None:
        """The catalogue has these targets now: those that have a probe are probed by it."""
        if self.probes is not None:
            self.probes.keep({one.probe.key: one.probe for one in catalogue if one.probe is not None})

    def probed(self, state: TargetState) -> str:
        """What the probes of a target say, for people; empty where it is not probed now."""
        return self.probes.said(state.probe) if self.probes is not None else ""

    def shut(self, state: TargetState, now: float) -> str:
        """Why a target is left out, for people; empty when it is not."""
        return state.shut(now) or (UNHEALTHY if self.probed(state) == "unhealthy" else "")

    def begin(self, state: TargetState) -> tuple[bool, bool]:
        """A try begins."""
        self.under_way += 1
        now = self._clock.monotonic()
        probes = state.begin(now)
        if probes != (False, False):
            state.show(now)
        return probes

    def end(
        self,
        state: TargetState,
        probes: tuple[bool, bool],
        kind: str,
        retry_after_s: float | None,
        took_s: float | None,
    ) -> None:
        """A try ended: the breakers learn, and the node's other workers with them."""
        self.under_way -= 1
        if not kind and state.breaker.calm and state.account.calm:  # a success teaches them nothing
            state.answered(took_s)
            return
        now = self._clock.monotonic()
        target_s, account_s = state.breaker.until_s, state.account.until_s
        state.end(now, probes, kind, retry_after_s, took_s)
        if state.breaker.until_s != target_s:
            state.show(now)
            self._tell(state.key, state.breaker, now, account=False)
        if state.account.until_s != account_s:
            self._show_account(state.account, now)
            self._tell(state.account_key, state.account, now, account=True)

    def _tell(self, key: str, breaker: Breaker, now: float, *, account: bool) -> None:
        if self.on_change is not None:
            opened = breaker.until_s > 0
            self.on_change(BreakerChange(key, account, opened, breaker.reason, breaker.wait_s(now)))

    def _show_account(self, account: Breaker, now: float) -> None:
        for state in self._states.values():
            if state.account is account:
                state.show(now)

    def learn(self, change: BreakerChange) -> None:
        """What another worker of the node found out."""
        now = self._clock.monotonic()
        known = self._states.get(change.key)
        if change.account:
            breaker = self._accounts.setdefault(change.key, Breaker())
        elif known is not None:
            breaker = known.breaker
        else:
            return  # this worker has never used it; it will find out by its own first request
        if change.opened:
            breaker.open_until(now, change.seconds, change.reason)
        else:
            breaker.close()
        if known is not None:
            known.show(now)
        self._show_account(breaker, now)

    def named(self, name: str) -> list[TargetState]:
        """All states of targets with this name (or ``name/model``)."""
        return [state for state in self._states.values() if _is_called(state, name)]

    def force(self, name: str, action: Action) -> int:
        """An operator's word on all targets of a name (or ``name/model``), those seen later included. How many there
        are so far."""
        if action == "reset":
            self._forced.pop(name, None)
        else:
            self._forced[name] = action
        now = self._clock.monotonic()
        states = self.named(name)
        for state in states:
            state.force(action)
        for state in self._states.values():
            state.show(now)
        return len(states)

    def report(self) -> list[dict[str, Any]]:
        """All of them for status pages: plain data, no addresses and no keys."""
        now = self._clock.monotonic()
        return [state.report(now) for state in self._states.values()]

    def __iter__(self) -> Iterator[TargetState]:
        return iter(self._states.values())


def _is_called(state: TargetState, name: str) -> bool:
    return name in (state.name, f"{state.name}/{state.model}")


def states_of(services: Services) -> TargetStates:
    """The worker's target states; made at the first call."""
    if services.targets is None:
        services.targets = TargetStates(services.clock, services.metrics, services.worker, services.workers)
        services.targets.probes = Probes(services)
    states: TargetStates = services.targets
    return states
