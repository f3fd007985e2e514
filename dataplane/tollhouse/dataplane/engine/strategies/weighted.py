"""In turn, each as often as its weight says (APISIX ``roundrobin``)."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.engine.balance import SmoothWeighted
from tollhouse.dataplane.engine.strategies.standing import Ranked, Standing


def order(standings: Sequence[Standing], turns: SmoothWeighted) -> list[Ranked]:
    """Smooth weighted round robin; takes a turn."""
    weights = {one.name: one.weight for one in standings}
    total = sum(weights.values())
    return [Ranked(name, f"weight {weights[name]} of {total}") for name in turns.order(weights)]


def preview(standings: Sequence[Standing]) -> list[Ranked]:
    """For explaining: the heaviest first, no turn is taken."""
    total = sum(one.weight for one in standings)
    ranked = sorted(standings, key=lambda one: -one.weight)
    return [Ranked(one.name, f"weight {one.weight} of {total}") for one in ranked]
