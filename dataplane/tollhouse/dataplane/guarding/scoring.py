"""When hits of weighted rules add up: each group once, near one another, against a threshold by trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tollhouse.dataplane.guarding.engine import Hit

REACH = 1500
"""Characters within which hits count together: a long text mentions many things."""

DISGUISED = 3
"""Added when the strongest hits stood in an encoded or hidden part: nobody hides what is harmless."""

QUOTED = 4
"""What all quotations of a text about attacks add together, at most: they are examples, however many there are."""

_DISGUISES = frozenset(("decoded", "hidden", "joined", "leet"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Hits of one pack that together say something."""

    hits: tuple[Hit, ...]
    score: int

    @property
    def strongest(self) -> Hit:
        """The hit that names the cluster."""
        return max(self.hits, key=weight)


THRESHOLDS: Mapping[str, int] = {"developer": 0, "user": 8, "untrusted": 6, "assistant": 0}
"""Score from which a text is taken for an attack, by trust; 0 never."""


def weight(hit: Hit) -> int:
    """What a hit adds; a quotation in a text about attacks, or what the concept model doubts, adds less."""
    full = hit.rule.text.weight
    if hit.quoted:
        return full * 2 // 5
    return full * 3 // 5 if hit.doubted else full


def clusters(hits: Sequence[Hit], threshold: int) -> list[Cluster]:
    """The groups of hits that reach the threshold, not overlapping, in order."""
    if threshold <= 0:
        return []
    found: list[Cluster] = []
    ordered = sorted(hits, key=lambda hit: hit.start)
    first = 0
    while first < len(ordered):
        best = _cluster(ordered, first)
        if best.score >= threshold:
            found.append(best)
            first += len(best.hits)
        else:
            first += 1
    return found


def _cluster(ordered: Sequence[Hit], first: int) -> Cluster:
    reach = ordered[first].start + REACH
    near = [hit for hit in ordered[first:] if hit.start <= reach]
    said: dict[str, int] = {}
    quoted: dict[str, int] = {}
    for hit in near:
        best = quoted if hit.quoted else said
        best[hit.rule.group] = max(best.get(hit.rule.group, 0), weight(hit))
    score = sum(said.values()) + min(QUOTED, sum(quoted.values()))
    if any(hit.view in _DISGUISES and weight(hit) >= 5 for hit in near):
        score += DISGUISED
    return Cluster(tuple(near), score)
