"""One reservation for many attempts: while there is plenty of room, a worker reserves several at once and hands them
out without asking again. Pure: the time is an argument.

An envelope is a reservation like any other, only larger: what was not spent of it is given back when it is settled, so
no limit can be passed by it. It holds a small part of what is left, and only for a short while.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tollhouse.dataplane.spending import Claim, Outcome

FEWEST, FIRST, MOST = 2, 16, 256
"""Attempts' worth of units in an envelope: at least, to begin with, at most. In between it is twice as many as were
under way at a time out of the last one, so that who asks little holds little."""
SHARE = 64
"""An envelope holds at most this part of what is left of any budget: all workers together hold back a few per cent."""
DRAWN_S = 0.5
"""How long attempts may be served from it."""

Shape = tuple[tuple[str, int, int, bool], ...]
"""What attempts must have in common to share one: keys, windows and limits."""


def shape_of(claims: tuple[Claim, ...]) -> Shape:
    """Of an attempt."""
    return tuple([(one.key, one.bucket, one.limit, one.enforced) for one in claims])


def copies(claims: tuple[Claim, ...], used: tuple[int, ...]) -> int:
    """How many such attempts to reserve at once, when so much is used; 1 when there is not plenty of room."""
    fit = MOST
    for claim, before in zip(claims, used, strict=True):
        if claim.enforced:
            fit = min(fit, (claim.limit - before) // (claim.units * SHARE))
    return max(1, fit)


def enlarged(claims: tuple[Claim, ...], count: int) -> tuple[Claim, ...]:
    """The same claims, for so many attempts."""
    return tuple(
        Claim(one.key, one.units * count, one.limit, one.bucket, one.since, one.expires, one.enforced, one.strict)
        for one in claims
    )


@dataclass(slots=True)
class Envelope:
    """Belongs to one worker."""

    id: str
    claims: tuple[Claim, ...]
    used: list[int]
    """Per claim: what was used in its window when the envelope was taken, the envelope left out."""
    drawn_until: float
    free: list[int]
    sums: list[list[int]] = field(default_factory=list)
    """Per claim: units and doubt of what was settled."""
    open: int = 0
    """Attempts under way."""
    told: int = -1
    """How many were settled when the node was last told."""
    settled: int = 0
    peak: int = 0
    """The most that were under way at a time."""
    exhausted: bool = False
    """An attempt did not fit while others might still be drawn."""

    @classmethod
    def of(cls, id: str, claims: tuple[Claim, ...], used: tuple[int, ...], now: float) -> Envelope:
        """A fresh one, as it was granted."""
        before = [total - claim.units for total, claim in zip(used, claims, strict=True)]
        free = [claim.units for claim in claims]
        return cls(id, claims, before, now + DRAWN_S, free, [[0, 0] for _ in claims])

    def draw(self, claims: tuple[Claim, ...], now: float) -> tuple[int, ...] | None:
        """Take an attempt out of it: what is used then, as far as this worker knows. None: it does not fit."""
        if now >= self.drawn_until:
            return None
        for free, claim in zip(self.free, claims, strict=True):
            if claim.units > free:
                self.exhausted = True
                return None
        self.open += 1
        if self.open > self.peak:
            self.peak = self.open
        for index, claim in enumerate(claims):
            self.free[index] -= claim.units
        return tuple(
            [used + held.units - free for used, held, free in zip(self.used, self.claims, self.free, strict=True)]
        )

    def settle(self, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...]) -> None:
        """An attempt came to this; what it did not need can be drawn again."""
        self.open -= 1
        self.settled += 1
        for index, claim in enumerate(claims):
            outcome = outcomes[index] if index < len(outcomes) else Outcome(0)
            self.free[index] += claim.units - outcome.units
            self.sums[index][0] += outcome.units
            self.sums[index][1] += outcome.doubt

    def next_size(self, size: int) -> int:
        """How many attempts the next one is for, when this one was for ``size``."""
        wanted = 2 * size if self.exhausted else 2 * self.peak
        return max(FEWEST, min(MOST, wanted))

    def over(self, now: float) -> bool:
        """Nothing is under way, and nothing may be drawn any more."""
        return not self.open and now >= self.drawn_until

    def outcomes(self) -> tuple[Outcome, ...]:
        """What it came to as a whole."""
        return tuple(Outcome(units, doubt) for units, doubt in self.sums)
