"""Who is next: smooth weighted round robin, consistent hashing, least loaded, lowest latency.

Every balancer gives a whole order, so that failing over is walking down the list it began with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b


class SmoothWeighted:
    """nginx's smooth weighted round robin. Keeps its place between calls; one per group of one worker.

    Over any run of (sum of weights) picks with everyone eligible, each member comes first exactly ``weight`` times, and
    never in a burst.
    """

    __slots__ = ("_current",)

    def __init__(self) -> None:
        self._current: dict[str, int] = {}

    def order(self, weights: Mapping[str, int]) -> list[str]:
        """The eligible members, first the one whose turn it is. A weight of 0 comes last and never gets a turn."""
        total = 0
        best = ""
        current = self._current
        for name, weight in weights.items():
            if weight <= 0:
                continue
            value = current.get(name, 0) + weight
            current[name] = value
            total += weight
            if not best or value > current[best]:
                best = name
        if not best:
            return list(weights)
        current[best] -= total
        rest = sorted(
            (name for name in weights if name != best),
            key=lambda name: (weights[name] > 0, current.get(name, 0)),
            reverse=True,
        )
        return [best, *rest]

    def forget(self, names: Iterable[str]) -> None:
        """Drop members that are gone from the configuration."""
        for name in names:
            self._current.pop(name, None)


class ConsistentHash:
    """Weighted rendezvous hashing: the same key goes to the same member, and a change of the members moves only the
    keys it must. Immutable and without a ring to rebuild; the whole order follows from the key."""

    __slots__ = ("_members",)

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._members = [(name, weight, _digest(name)) for name, weight in weights.items() if weight > 0]

    def order(self, key: str) -> list[str]:
        """All members, the key's own first."""
        point = _digest(key)
        scored = [(_score(point, seed, weight), name) for name, weight, seed in self._members]
        scored.sort(reverse=True)
        return [name for _, name in scored]


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big")


_MASK = (1 << 64) - 1


def _score(point: int, seed: int, weight: int) -> float:
    """A member's claim on a key: ``-weight / ln(u)`` with u uniform in (0, 1) from a mix of both (splitmix64)."""
    mixed = (point ^ seed) * 0x9E3779B97F4A7C15 & _MASK
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
    mixed ^= mixed >> 31
    return -weight / math.log(((mixed >> 11) + 0.5) / (1 << 53))


def least_loaded(weights: Mapping[str, int], in_flight: Callable[[str], int]) -> list[str]:
    """Fewest requests in flight per unit of weight first (APISIX ``least_conn``)."""
    return sorted(
        (name for name, weight in weights.items() if weight > 0), key=lambda name: (in_flight(name) + 1) / weights[name]
    )


def lowest_latency(weights: Mapping[str, int], latency_s: Callable[[str], float], luck: float) -> list[str]:
    """The quicker of two members drawn by luck first, then the rest by latency (APISIX ``ewma``): all of the traffic
    does not fall on the momentarily best. ``luck``: 0 <= x < 1."""
    names = [name for name, weight in weights.items() if weight > 0]
    if len(names) > 2:
        first = int(luck * len(names))
        second = int(luck * len(names) * (len(names) - 1)) % (len(names) - 1)
        second += second >= first
        pair: Sequence[str] = (names[first], names[second])
    else:
        pair = names
    if not pair:
        return []
    best = min(pair, key=latency_s)
    return [best, *sorted((name for name in names if name != best), key=latency_s)]
