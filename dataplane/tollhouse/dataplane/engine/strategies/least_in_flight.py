"""Where the fewest requests are under way, per unit of weight (APISIX ``least_conn``)."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.engine.strategies.standing import Ranked, Standing


def order(standings: Sequence[Standing]) -> list[Ranked]:
    """Least loaded first; of equals the one named first."""
    ranked = sorted(standings, key=lambda one: (one.in_flight + 1) / max(1, one.weight))
    return [Ranked(one.name, f"{one.in_flight} in flight at weight {one.weight}") for one in ranked]
