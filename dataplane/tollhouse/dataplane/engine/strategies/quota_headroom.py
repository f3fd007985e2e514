"""Where the most of the provider's own quota is left, as its last answer said."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.engine.strategies.standing import Ranked, Standing


def order(standings: Sequence[Standing]) -> list[Ranked]:
    """Most headroom first; a provider that says nothing counts as having all of it; of equals the less loaded."""
    ranked = sorted(standings, key=lambda one: (-_headroom(one), (one.in_flight + 1) / max(1, one.weight)))
    return [Ranked(one.name, _why(one)) for one in ranked]


def _headroom(one: Standing) -> float:
    return 1.0 if one.headroom is None else round(one.headroom, 2)


def _why(one: Standing) -> str:
    if one.headroom is None:
        return "its provider has named no quota"
    return f"{one.headroom:.0%} of its quota is left"
