"""One request on its way through the targets: what all its tries have in common, and what each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from tollhouse.dataplane.dispatch.choosing.gate import Place
from tollhouse.dataplane.dispatch.choosing.plan import Plan
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.money.holding import HELD
from tollhouse.dataplane.engine.failover import most_tries
from tollhouse.dataplane.engine.patience import Kind

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


class Journey(msgspec.Struct):
    """Rivals, cheaper models and continuations belong to the journey they began in: it has one total time, and one
    number of tries. Tries are what stands on the exchange's record: who could not even be asked is none."""

    ex: Exchange
    plan: Plan
    """A budget may make it another one on the way."""
    started_s: float
    deadline_s: float | None
    """When the total time is over, but for what was spent on waiting for a budget or an operator."""
    most: int = 0
    """Tries in all; 0: not yet worked out."""
    full: tuple[Target, ...] = ()
    """Targets that had no room, one after another."""
    full_at: int = 0
    """How many tries there had been by then."""

    def now(self, clock_s: float) -> float:
        """The time as the journey counts it: waiting for a budget or an operator is none of it."""
        held_s: float = self.ex.state.get(HELD, 0.0)
        return clock_s - held_s

    def left_s(self, clock_s: float) -> float:
        """What is left of the total time."""
        return float("inf") if self.deadline_s is None else self.deadline_s - self.now(clock_s)

    def patience_s(self, first_byte_s: float, clock_s: float) -> float:
        """How long one try may take to begin while another target is left: others are to have half of the time."""
        return min(first_byte_s, self.left_s(clock_s) / 2)

    def was_full(self, target: Target) -> None:
        """A target had no room."""
        self.full = (*self.full_now(), target)
        self.full_at = len(self.ex.attempts)

    def full_now(self) -> tuple[Target, ...]:
        """Targets that had no room just now. Whoever was passed over before another was asked is none of them: what
        that one said may have led to targets of another kind."""
        return self.full if self.full_at == len(self.ex.attempts) else ()

    @property
    def most_tries(self) -> int:
        """Decided by the plan it set out with."""
        if not self.most:
            plan = self.plan
            self.most = most_tries(plan.policy, len(plan.targets) if plan.main is None else plan.main)
        return self.most


class Hop(msgspec.Struct):
    """One try at one target."""

    target: Target
    more: bool
    """Another target could still be tried after it."""
    kind: Kind | None = None
    """What its time to begin is measured by; None: it is not measured."""
    is_rival: bool = False
    place: Place | None = None
    """Its place behind the target's gate, where there is one."""
