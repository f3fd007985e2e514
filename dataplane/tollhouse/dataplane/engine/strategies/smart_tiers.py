"""Easy work to cheap models: a tier is chosen by rules, else by how difficult the request looks; if it fails, the next
more capable tier takes over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tollhouse.dataplane.engine.strategies.standing import Ranked, Standing


@dataclass(frozen=True, slots=True)
class Tier:
    """Targets of like strength; tiers are listed from the cheapest to the most capable."""

    name: str
    targets: frozenset[str]
    up_to: float
    """It takes requests of at most this difficulty."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The tier a request belongs to, and why."""

    tier: int
    why: str


def decide(
    tiers: Sequence[Tier],
    rules: Sequence[tuple[Callable[[Callable[[str], object]], bool], str]],
    lookup: Callable[[str], object],
    difficulty: float,
    opted_out: bool,
) -> Decision:
    """The first rule that holds, else the first tier that takes the difficulty; who opted out gets the last tier."""
    if opted_out:
        return Decision(len(tiers) - 1, "the caller always gets the most capable tier")
    for number, (holds, name) in enumerate(rules):
        if holds(lookup):
            return Decision(next(i for i, tier in enumerate(tiers) if tier.name == name), f"rule {number} holds")
    for index, tier in enumerate(tiers):
        if difficulty <= tier.up_to:
            return Decision(index, f"difficulty {difficulty:.2f}, the tier takes up to {tier.up_to:.2f}")
    return Decision(len(tiers) - 1, f"difficulty {difficulty:.2f}")


def order(
    standings: Sequence[Standing],
    tiers: Sequence[Tier],
    decision: Decision,
    inside: Callable[[Sequence[Standing], int], list[Ranked]],
) -> list[Ranked]:
    """The decided tier, then the more capable ones, then the cheaper ones, at last targets of no tier. ``inside``
    orders the targets of one tier."""
    upward = range(decision.tier, len(tiers))
    downward = range(decision.tier - 1, -1, -1)
    by_name: Mapping[str, Standing] = {one.name: one for one in standings}
    ranked: list[Ranked] = []
    placed: set[str] = set()
    for index in (*upward, *downward):
        meant = tiers[index].targets
        members = [one for one in by_name.values() if one.name not in placed and not meant.isdisjoint(_names(one))]
        if not members:
            continue
        what = decision.why if index == decision.tier else "behind the chosen tier"
        placed.update(one.name for one in members)
        ranked += [Ranked(one.name, f"tier {tiers[index].name} ({what}), {one.why}") for one in inside(members, index)]
    return ranked + [Ranked(name, "in no tier") for name in by_name if name not in placed]


def _names(one: Standing) -> tuple[str, str]:
    return one.name, one.also
