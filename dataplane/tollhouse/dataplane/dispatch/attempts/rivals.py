"""When a target that has not begun to answer gets a rival: after a configured time, or when late by its own record."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from tollhouse.dataplane.dispatch.attempts.hedge import Begin, Outcome, race
from tollhouse.dataplane.dispatch.attempts.trial import Books
from tollhouse.dataplane.dispatch.choosing.plan import BY_RECORD
from tollhouse.dataplane.dispatch.choosing.strategy import route_id
from tollhouse.dataplane.dispatch.choosing.target_state import TargetState
from tollhouse.dataplane.dispatch.choosing.targets import Target, states_of
from tollhouse.dataplane.engine.patience import FLOOR_S, Kind, kind_of, late_s, probe_late_s
from tollhouse.dataplane.engine.retry_budget import RetryBudget
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.services import Services

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_SHARE = 0.2
"""Of the requests may be sent twice."""
_AGAIN_S = 0.1
"""How soon somebody who is late but may have no rival is looked at again."""
NEVER = float("inf")
"""In place of a time to wait: only who is found dead meanwhile gets a rival."""
_TICK_S = 0.001
"""The shortest wait: of less a clock need not notice anything."""


class Rivals:
    """One per driver; shared by exchanges."""

    def __init__(self, services: Services, books: Books) -> None:
        self._clock = services.clock
        self._states = states_of(services)
        self._books = books
        self._budget = RetryBudget(_SHARE)

    def kind(self, ex: Exchange) -> Kind:
        """What the request is measured by."""
        return kind_of(ex.body or b"", ex.peek.stream)

    def request(self) -> None:
        """A first try happens."""
        self._budget.request()

    async def race(
        self,
        ex: Exchange,
        after_s: float,
        kind: Kind | None,
        target: Target,
        rival: Target,
        first: Callable[[], Coroutine[Any, Any, Outcome]],
        second: Begin,
    ) -> tuple[Outcome, UpstreamFailure | None]:
        """``first``, beside it ``second`` once ``target`` is late."""
        state = self._states.of(target)
        before = len(ex.attempts)

        def wait() -> float:
            now = self._clock.monotonic()
            # Nobody is late who has not been asked yet: the request may wait for room in a budget, or for an operator.
            started = ex.attempts[before].started_s if len(ex.attempts) > before else now
            passed = now - started
            well = self._states.healthy(target)
            due_s = self._late_s(state, after_s, kind, started, now, self._states.of(rival)) if well else FLOOR_S
            left = due_s - passed
            if left > 0:  # who may have fallen silent meanwhile has to be watched
                left = max(left, _TICK_S)
                return left if after_s > BY_RECORD and target.probe is None else min(left, FLOOR_S)
            if not self._states.of(rival).permits(now) or self._states.full(rival):
                return _AGAIN_S
            # Where others have found out meanwhile this is failing over, not asking twice.
            if well and state.silent_since(now) is None and not self._budget.spend():
                return _AGAIN_S
            self._books.hedges(route_id(ex), target.name, rival.name).add()
            return 0.0

        return await race(first, second, wait)

    @staticmethod
    def _late_s(
        state: TargetState,
        after_s: float,
        kind: Kind | None,
        started: float,
        now: float,
        rival: TargetState | None = None,
    ) -> float:
        if after_s > BY_RECORD or kind is None:
            return after_s
        silent_since = state.silent_since(now)
        ordinary_s = state.ordinary_s(kind, now)
        if silent_since is not None:
            # What others found out since it was asked holds for it too; a probe is somebody's request.
            if not ordinary_s or (started < silent_since and state.brisk_s <= started):
                return FLOOR_S
            return probe_late_s(ordinary_s, rival.ordinary_s(kind, now) if rival is not None else 0.0)
        if not ordinary_s:
            return float("inf")
        return late_s(ordinary_s, alive=state.brisk_s > started, doubted=state.breaker.doubted, stream=kind.stream)
