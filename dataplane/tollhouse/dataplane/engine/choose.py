"""Which targets may serve a request, and in which order: filters with reasons, then groups, then a balancer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tollhouse.dataplane.exchange import ExplainTarget


@dataclass(frozen=True, slots=True)
class Candidate:
    """What choosing needs to know of one target."""

    name: str
    provider: str
    model: str
    weight: int = 1
    priority: int = 0
    native: bool = True
    """The asked-for model is this target's own; others stand in for it."""
    context_window: int = 0
    """0: unknown."""
    lacks: frozenset[str] = frozenset()
    """Abilities it is known not to have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the request needs."""

    needs: frozenset[str] = frozenset()
    input_tokens: int = 0
    """An estimate; only a request that is clearly too long is kept from a target."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a target is at the moment. ``spent``, ``open`` and ``unhealthy`` exclude, ``full`` puts it behind those that
    have room; all empty: fit."""

    full: str = ""
    forbidden: str = ""
    spent: str = ""
    open: str = ""
    unhealthy: str = ""


@dataclass(slots=True)
class Choice:
    """The order of trying, and who was left out and why."""

    order: list[Candidate]
    excluded: list[tuple[Candidate, str]]
    last_resort: bool = False
    """Nobody was fit; those in ``order`` are tried all the same."""
    full: frozenset[str] = frozenset()
    """Those in ``order`` that have no room at the moment."""

    def explain(self, why: Mapping[str, str] | None = None) -> list[ExplainTarget]:
        """For people: ranked targets, then the excluded ones. ``why``: what the strategy says of a name."""
        reasons = why or {}
        lines = [
            ExplainTarget(item.name, item.provider, item.model, rank, self._why(item, rank, reasons.get(item.name, "")))
            for rank, item in enumerate(self.order, 1)
        ]
        lines += [ExplainTarget(item.name, item.provider, item.model, 0, reason) for item, reason in self.excluded]
        return lines

    def _why(self, item: Candidate, rank: int, reason: str) -> str:
        parts = [f"priority {item.priority}", reason or f"weight {item.weight}"]
        if not item.native:
            parts.append(f"stands in with {item.model}")
        if item.name in self.full:
            parts.append("has no room at the moment")
        if self.last_resort:
            parts.append("nobody is fit, tried all the same")
        return ("first choice: " if rank == 1 else "if the ones before fail: ") + ", ".join(parts)


Order = Callable[[Mapping[str, int], int], Sequence[str]]
"""A balancer: (name -> weight of one group, the group's priority) -> names in order."""

_TOO_LONG_MARGIN = 1.5
"""Estimated input must be this many times the window before a target is skipped: estimates are rough."""


class Able(Protocol):
    """Somebody whose abilities are known: a candidate, or a target."""

    @property
    def context_window(self) -> int: ...

    @property
    def lacks(self) -> frozenset[str]: ...


def unfit(candidate: Able, asked: Asked) -> str:
    """Why a target can never serve this request; empty when it can."""
    missing = candidate.lacks & asked.needs
    if missing:
        return f"cannot do {', '.join(sorted(missing))}"
    window = candidate.context_window
    if window and asked.input_tokens > window * _TOO_LONG_MARGIN:
        return f"about {asked.input_tokens} tokens do not fit its context of {window}"
    return ""


def choose(
    candidates: Sequence[Candidate], asked: Asked, condition: Callable[[Candidate], Condition], order: Order
) -> Choice:
    """Filter and order. With nobody fit, the unhealthy are tried all the same (APISIX), then those whose breaker is
    open (it admits probes only); never the forbidden, the spent or the unable."""
    fit: list[Candidate] = []
    full: list[Candidate] = []
    soft: list[tuple[Candidate, str, bool]] = []
    excluded: list[tuple[Candidate, str]] = []
    for candidate in candidates:
        state = condition(candidate)
        hard = state.forbidden or unfit(candidate, asked) or state.spent
        if not hard and candidate.weight <= 0:
            hard = "weight 0"
        if hard:
            excluded.append((candidate, hard))
        elif state.open or state.unhealthy:
            soft.append((candidate, state.open or state.unhealthy, bool(state.open)))
        elif state.full:
            full.append(candidate)
        else:
            fit.append(candidate)
    if fit or full or not soft:
        left_out = [(item, reason) for item, reason, _ in soft]
        ordered = _ordered(fit, order) + _ordered(full, order)
        return Choice(ordered, excluded + left_out, full=frozenset(item.name for item in full))
    unhealthy = [item for item, _, is_open in soft if not is_open]
    chosen = unhealthy or [item for item, _, _ in soft]
    left_out = [(item, reason) for item, reason, _ in soft if item not in chosen]
    return Choice(_ordered(chosen, order), excluded + left_out, last_resort=True)


def _ordered(candidates: list[Candidate], order: Order) -> list[Candidate]:
    if len(candidates) <= 1:
        return candidates
    groups: dict[tuple[bool, int], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.native, candidate.priority), []).append(candidate)
    result: list[Candidate] = []
    for key in sorted(groups, reverse=True):
        group = groups[key]
        by_name = {item.name: item for item in group}
        names = order({item.name: item.weight for item in group}, key[1])
        result += [by_name[name] for name in names]
    return result
