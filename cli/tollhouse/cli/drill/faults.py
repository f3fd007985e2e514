"""What a drill lets go wrong, one fault after another, with a calm before each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tollhouse.cli.failure import USAGE, Failure


@dataclass(frozen=True)
class Fault:
    """One way for the first provider to fail."""

    name: str
    what: str
    stopped: bool = False
    """It is killed: nobody listens any more."""
    script: dict[str, Any] = field(default_factory=dict)
    """Otherwise what its simulator does (``gatewayctl simulate``)."""


FAULTS = (
    Fault("down", "connections are refused", stopped=True),
    Fault("errors", "every answer is 500", script={"status": 500}),
    Fault("storm", "every answer is 429, without a word on when to come back", script={"status": 429}),
    Fault("slow", "the first token takes 4 s", script={"first_token_ms": 4000}),
    Fault("hang", "requests are taken and never answered", script={"hang": True}),
    Fault("stream-errors", "streams begin with an error inside a 200", script={"error_after": 0}),
    Fault("cut", "connections break after two tokens", script={"cut_after": 2}),
    Fault("no-usage", "answers come without usage", script={"usage": False}),
    Fault("wrong-usage", "answers report ten times what they are billed for", script={"usage_times": 10}),
)


@dataclass(frozen=True)
class Phase:
    """A stretch of the drill."""

    name: str
    from_s: float
    to_s: float
    fault: Fault | None


def schedule(names: Sequence[str], fault_s: float, calm_s: float) -> list[Phase]:
    """Calm, fault, calm, fault, ..., calm. No names: every fault. Raises Failure for a name nobody knows."""
    known = {fault.name: fault for fault in FAULTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Failure(f"there is no fault {unknown[0]!r}", f"there are {', '.join(known)}", USAGE)
    phases: list[Phase] = []
    now = 0.0
    for name in names or list(known):
        phases.append(Phase("calm", now, now + calm_s, None))
        phases.append(Phase(name, now + calm_s, now + calm_s + fault_s, known[name]))
        now += calm_s + fault_s
    return [*phases, Phase("calm", now, now + calm_s, None)]
