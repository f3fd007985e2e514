"""The same key meets the same target while it is there (APISIX ``chash``)."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.engine.balance import ConsistentHash
from tollhouse.dataplane.engine.strategies.standing import Ranked, Standing


def order(standings: Sequence[Standing], key: str) -> list[Ranked]:
    """Weighted rendezvous hashing of the key."""
    names = ConsistentHash({one.name: one.weight for one in standings}).order(key)
    return [
        Ranked(name, "the key's own target" if place == 0 else f"the key's choice number {place + 1}")
        for place, name in enumerate(names)
    ]
