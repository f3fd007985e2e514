"""Always the first one that is fit: the order of the configuration is the order of trying."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.engine.strategies.standing import Ranked, Standing


def order(standings: Sequence[Standing]) -> list[Ranked]:
    """As configured."""
    return [Ranked(one.name, f"number {place} as configured") for place, one in enumerate(standings, 1)]
