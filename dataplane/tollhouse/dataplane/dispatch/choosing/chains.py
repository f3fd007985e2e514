"""Who takes over for which reason: the names of a ``fallbacks`` config as targets that may be tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tollhouse.dataplane.dispatch.choosing.plan import OVER_QUOTA, SPENT, asked, forbidden
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.engine.choose import Asked, Candidate, unfit
from tollhouse.dataplane.exchange import ExplainTarget
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
        usable = _usable(ex, getattr(fallbacks, reason), own)
        if usable:
            chains[reason] = usable
    return chains


def explain_chains(ex: Exchange, fallbacks: Fallbacks | None, own: Sequence[Target]) -> list[ExplainTarget]:
    """Who takes over for which reason, and who would but may not."""
    told: list[ExplainTarget] = []
    for reason in REASONS if fallbacks is not None else ():
        what = reason.replace("_", " ")
        names: Sequence[str] = getattr(fallbacks, reason)
        for name in names:
            members, barred = _named(ex, name, own)
            if not members:
                told.append(
                    ExplainTarget(name, "", "", 0, f"is named for {what}, but there is no such target or model")
                )
            needs = asked(ex, members)
            for one in members:
                why = barred or _barred(ex, one, needs)
                tells = f"would take over for {what}, but {why}" if why else f"takes over for {what}"
                told.append(ExplainTarget(one.name, one.endpoint.name, one.model, 0, tells))
    return told


def stand_ins(ex: Exchange, model: str) -> list[Target]:
    """The targets of a model of the catalogue that may stand in for what was asked for, the preferred ones first."""
    return _usable(ex, [model], ())


def _usable(ex: Exchange, names: Sequence[str], own: Sequence[Target]) -> list[Target]:
    members: list[Target] = []
    for name in names:
        named, barred = _named(ex, name, own)
        members += [] if barred else named
    if not members:
        return []
    needs = asked(ex, members)
    return [target for target in members if not _barred(ex, target, needs)]


def _named(ex: Exchange, name: str, own: Sequence[Target]) -> tuple[list[Target], str]:
    """The targets that are meant, and why the caller may have none of them; empty when it may."""
    instances = [target for target in own if target.name == name]
    if instances:
        return instances, ""
    model = ex.snapshot.models.find(name)
    if model is None:
        return [], ""
    barred = "" if is_allowed(name, ex.state.get(ALLOWED)) else f"the caller may not use {name}"
    ordered = sorted(model.targets, key=lambda one: (-one.priority, -one.weight))
    return [replace(target, native=False) for target in ordered if target.weight > 0], barred


def _barred(ex: Exchange, target: Target, needs: Asked) -> str:
    """Why a target may not take over; empty when it may."""
    if target.name in ex.state.get(SPENT, ()):
        return OVER_QUOTA
    shape = Candidate(target.name, "", "", context_window=target.context_window, lacks=target.lacks)
    return forbidden(ex, target) or unfit(shape, needs)
