"""Windows that count, and the slices of them that are lent out. Pure: the time is an argument.

Two kinds of window. ``FixedWindow`` begins with the first unit taken and ends ``window_s`` later. ``SlidingWindow``
counts the last ``window_s`` seconds in ``BUCKETS`` buckets; a bucket counts in full until its last moment has left the
window, so the limit is never exceeded in any stretch of ``window_s`` seconds, at the price of room returning up to one
bucket late.

A *slice* is a number of units already counted as taken that a worker may hand out without asking again. What it does
not hand out before ``expires`` it gives back under the window's ``identity``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BUCKETS = 32

SLICE_SHARE = 64
"""A slice is this part of what remains: all workers together can hold back only a few per cent."""

SMALLEST_SLICE = 8
"""Below this, every take asks the authority: small limits are exact to the unit at every moment."""


@dataclass(frozen=True, slots=True)
class Request:
    """One step of the authority, done atomically: give back first, then take."""

    amount: int = 1
    partial: bool = False
    """Allowed while at least one unit is left, going past the limit for the rest."""
    back: int = 0
    back_identity: int = 0
    want_slice: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of a request."""

    allowed: bool
    remaining: int
    reset_s: float
    identity: int
    """Names the window (or bucket) the units were counted in."""
    slice: int = 0
    expires_s: float = 0.0
    """Seconds for which the slice may be used."""


def slice_size(remaining: int) -> int:
    """How much to lend when so much remains; 0 when the limit has become small."""
    share = remaining // SLICE_SHARE
    return share if share >= SMALLEST_SLICE else 0


def _admits(used: int, limit: int, request: Request) -> bool:
    return used < limit if request.partial else used + request.amount <= limit


@dataclass(slots=True)
class FixedWindow:
    """Units used since the first of the window was taken."""

    start: float = 0.0
    used: int = 0

    def _roll(self, now: float, window_s: float) -> None:
        if self.start and now >= self.start + window_s:
            self.start, self.used = 0.0, 0

    @property
    def identity(self) -> int:
        """The start in microseconds; 0 while no window runs."""
        return int(self.start * 1e6)

    def take(self, now: float, limit: int, window_s: float, request: Request) -> Decision:
        """Units if they are there. ``now`` must be above 0."""
        self._roll(now, window_s)
        if request.back and request.back_identity == self.identity:
            self.used = max(0, self.used - request.back)
        allowed = _admits(self.used, limit, request)
        lent = 0
        if allowed:
            if request.amount:
                self.start = self.start or now
            self.used += request.amount
            if request.want_slice and request.amount:
                lent = slice_size(limit - self.used)
                self.used += lent
        left_s = self.start + window_s - now if self.start else 0.0
        return Decision(allowed, max(0, limit - self.used), left_s, self.identity, lent, left_s)

    def settle(self, now: float, window_s: float, difference: int, identity: int = 0) -> None:
        """Correct what was taken in window ``identity`` (0: in the running one). Units of a window that has ended are
        not given back; units taken late count in the running window."""
        self._roll(now, window_s)
        if difference < 0:
            if identity in (0, self.identity):
                self.used = max(0, self.used + difference)
        elif difference:
            self.start = self.start or now
            self.used += difference

    def look(self, now: float, limit: int, window_s: float) -> Decision:
        """What is left, taking nothing."""
        self._roll(now, window_s)
        left_s = self.start + window_s - now if self.start else 0.0
        return Decision(self.used < limit, max(0, limit - self.used), left_s, self.identity)

    def idle(self, now: float, window_s: float) -> bool:
        """Whether forgetting the window changes nothing."""
        return not self.start or now >= self.start + window_s


@dataclass(slots=True)
class SlidingWindow:
    """Units used in each bucket of the last ``window_s`` seconds."""

    width: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)
    """Index (time divided by width) to units, in ascending order."""

    def _roll(self, now: float, window_s: float) -> int:
        width = window_s / BUCKETS
        current = int(now // width)
        if self.width != width:
            # The window was reconfigured: what was used stays used, as if just now.
            used = sum(self.buckets.values()) if self.width else 0
            self.width = width
            self.buckets = {current: used} if used else {}
        # A bucket leaves when its last moment is window_s old.
        for index in [index for index in self.buckets if index + 1 + BUCKETS <= current]:
            del self.buckets[index]
        return current

    @property
    def used(self) -> int:
        """Units that still count."""
        return sum(self.buckets.values())

    def _room_s(self, now: float) -> float:
        """Seconds until the oldest bucket leaves."""
        for index in self.buckets:
            return max(0.0, (index + 1 + BUCKETS) * self.width - now)
        return 0.0

    def take(self, now: float, limit: int, window_s: float, request: Request) -> Decision:
        """Units if they are there."""
        current = self._roll(now, window_s)
        if request.back:
            self._give_back(request.back, request.back_identity)
        used = self.used
        allowed = _admits(used, limit, request)
        lent = 0
        if allowed and request.amount:
            used += request.amount
            if request.want_slice:
                lent = slice_size(limit - used)
                used += lent
            self.buckets[current] = self.buckets.get(current, 0) + request.amount + lent
        # A slice must be used up in the bucket it is counted in.
        expires_s = max(0.0, (current + 1) * self.width - now)
        return Decision(allowed, max(0, limit - used), self._room_s(now), current, lent, expires_s)

    def settle(self, now: float, window_s: float, difference: int, identity: int = 0) -> None:
        """Correct what was taken in bucket ``identity`` (0: unknown, then the oldest give, which errs on the strict
        side)."""
        current = self._roll(now, window_s)
        if difference < 0:
            self._give_back(-difference, identity)
        elif difference:
            self.buckets[current] = self.buckets.get(current, 0) + difference

    def _give_back(self, units: int, identity: int) -> None:
        for index in [identity] if identity else list(self.buckets):
            has = self.buckets.get(index, 0)
            given = min(has, units)
            units -= given
            if has - given:
                self.buckets[index] = has - given
            else:
                self.buckets.pop(index, None)
            if not units:
                return

    def look(self, now: float, limit: int, window_s: float) -> Decision:
        """What is left, taking nothing."""
        current = self._roll(now, window_s)
        used = self.used
        return Decision(used < limit, max(0, limit - used), self._room_s(now), current)

    def idle(self, now: float, window_s: float) -> bool:
        """Whether forgetting the window changes nothing."""
        self._roll(now, window_s)
        return not self.buckets


Window = FixedWindow | SlidingWindow


@dataclass(slots=True)
class Slice:
    """Units a worker holds of one limit. Its times are monotonic seconds."""

    unused: int = 0
    identity: int = 0
    expires: float = 0.0
    remaining: int = 0
    """What the authority had left when it last answered."""
    reset_at: float = 0.0
    used_at: float = 0.0
    lent: int = 0
    """How many units it began with."""
    asking: bool = False
    """A request for a slice is under way; others take units one by one meanwhile."""

    def take(self, now: float, amount: int) -> bool:
        """Hand out units without asking, if they are here and still count."""
        if amount > self.unused or now >= self.expires:
            return False
        self.unused -= amount
        self.used_at = now
        return True

    def settle(self, now: float, difference: int, identity: int) -> bool:
        """Take in a correction of what was taken in window ``identity``, if it is this one's and fits: a slice never
        grows beyond twice what was lent, for others may need it."""
        rest = self.unused - difference
        if self.asking or identity != self.identity or now >= self.expires or not 0 <= rest <= 2 * self.lent:
            return False
        self.unused = rest
        return True

    def give_up(self) -> tuple[int, int]:
        """``(units, identity)`` to give back; the slice is empty afterwards."""
        units, self.unused = self.unused, 0
        return units, self.identity

    def accept(self, asked_at: float, decision: Decision) -> None:
        """Take over what came of a request sent at ``asked_at``: counting its times from then can only end early.
        The slice must be empty: what was left went back with the request."""
        self.remaining = decision.remaining
        self.reset_at = asked_at + decision.reset_s
        self.unused = self.lent = decision.slice
        self.identity = decision.identity
        self.expires = asked_at + decision.expires_s
        self.used_at = asked_at
