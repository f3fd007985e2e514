"""Who takes over for which reason: the names of a ``fallbacks`` config as targets that may be tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tollhouse.dataplane.dispatch.choosing.plan import SPENT, asked, forbidden
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.engine.choose import Asked, Candidate, unfit
from tollhouse.dataplane.permitted import ALLOWED, is_allowed
from tollhouse.proto.resources.strategy import Fallbacks

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

REASONS = ("availability", "context_too_long", "content_refused", "budget")


def chain_targets(ex: Exchange, fallbacks: Fallbacks | None, own: Sequence[Target]) -> dict[str, list[Target]]:
    """Reason -> targets in order. A name is one of the route's own instances, or a model of the catalogue with all its
    targets. What the caller may not use, what cannot serve the request, and names nobody has are left out."""
    if fallbacks is None:
        return {}
    chains: dict[str, list[Target]] = {}
    for reason in REASONS:
        names: Sequence[str] = getattr(fallbacks, reason)
        usable = _usable(ex, [target for name in names for target in _named(ex, name, own)])
        if usable:
            chains[reason] = usable
    return chains


def stand_ins(ex: Exchange, model: str) -> list[Target]:
    """The targets of a model of the catalogue that may stand in for what was asked for, the preferred ones first."""
    return _usable(ex, _named(ex, model, ()))


def _usable(ex: Exchange, members: list[Target]) -> list[Target]:
    needs = asked(ex, members) if members else Asked()
    return [target for target in members if _fit(target, needs, ex)]


def _named(ex: Exchange, name: str, own: Sequence[Target]) -> list[Target]:
    allowed = ex.state.get(ALLOWED)
    instances = [target for target in own if target.name == name]
    if instances:
        return [one for one in instances if one.native or is_allowed(one.model, allowed)]
    model = ex.snapshot.models.find(name)
    if model is None or not is_allowed(name, allowed):
        return []
    ordered = sorted(model.targets, key=lambda one: (-one.priority, -one.weight))
    return [replace(target, native=False) for target in ordered if target.weight > 0]


def _fit(target: Target, needs: Asked, ex: Exchange) -> bool:
    if target.name in ex.state.get(SPENT, ()) or forbidden(ex, target):
        return False
    shape = Candidate(target.name, "", "", context_window=target.context_window, lacks=target.lacks)
    return not unfit(shape, needs)
