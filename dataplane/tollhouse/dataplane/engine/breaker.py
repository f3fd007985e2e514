"""A circuit breaker: closed, open after failures in a row, half open for a few probes, then closed with a ramp, so that
a target that has just come back is not run over. Time is an argument.
"""

from __future__ import annotations

from typing import Literal

State = Literal["closed", "open", "half_open"]

TROUBLE = frozenset({"connect", "timeout", "slow", "server_error", "overloaded", "cut", "invalid_reply", "no_access"})
"""Failures that count towards opening."""

DEAD_KEY = frozenset({"auth", "quota"})
"""Failures that open at once: trying again with the same key gives the same answer."""


class Breaker:
    """The memory of one target's (or account's) recent failures. Lives as long as its worker; not thread-safe."""

    __slots__ = (
        "_failures",
        "_last_probe_s",
        "_limited",
        "_open_for_s",
        "_open_until_s",
        "_probes",
        "_ramp",
        "forced",
        "reason",
    )

    threshold = 3
    """Failures in a row that open it."""
    first_open_s = 2.0
    longest_open_s = 30.0
    """Each failed probe doubles the time it stays open, up to this."""
    dead_key_open_s = 60.0
    longest_rest_s = 60.0
    """The longest ``Retry-After`` believed."""
    max_probes = 1
    """Requests let through at a time while half open."""
    full_ramp = 32
    """After a good probe twice as many may be under way at a time, doubled by every further success; beyond this many
    there is no bound any more."""
    limited_threshold = 3
    """Answers of 429 in a row, none of which says to wait for long, that open it."""
    limited_open_s = 1.0
    limited_longest_s = 5.0
    last_resort_every_s = 1.0
    """While every target is shut out, one request per this long may still try an open one."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_for_s = 0.0
        self._open_until_s = 0.0
        self._probes = 0
        self._ramp = 0
        self._limited = 0
        self._last_probe_s = float("-inf")
        self.reason = ""
        """The kind of the failure that opened it."""
        self.forced: Literal["", "open", "closed"] = ""
        """An operator's word, which outweighs what was seen."""

    def state(self, now: float) -> State:
        """Where it stands."""
        if self.forced:
            return self.forced
        if not self._open_for_s:
            return "closed"
        return "open" if now < self._open_until_s else "half_open"

    def permits(self, now: float, *, last_resort: bool = False) -> bool:
        """Whether a request may be sent. ``last_resort``: no other target is fit."""
        state = self.state(now)
        if state == "closed":
            return not self._ramp or self._probes < self._ramp or last_resort or self.forced == "closed"
        if self._probes >= self.max_probes or self.forced == "open":
            return False
        return state == "half_open" or (last_resort and now - self._last_probe_s >= self.last_resort_every_s)

    def wait_s(self, now: float) -> float:
        """Seconds until it half opens."""
        return max(0.0, self._open_until_s - now) if self._open_for_s else 0.0

    @property
    def calm(self) -> bool:
        """Closed with nothing to remember: no failure, no probe, no ramp."""
        return not (self._failures or self._limited or self._open_for_s or self._ramp or self._probes)

    @property
    def doubted(self) -> bool:
        """The last request that ended failed, or was answered too late."""
        return self._failures > 0

    @property
    def until_s(self) -> float:
        """When it half opens; 0 while it is closed."""
        return self._open_until_s if self._open_for_s else 0.0

    @property
    def opened_s(self) -> float:
        """When it opened last; only while it is not closed."""
        return self._open_until_s - self._open_for_s

    def started(self, now: float) -> bool:
        """A request was sent. Returns whether it is a probe; hand that back to ``ended``."""
        if not self._ramp and (not self._open_for_s or self.state(now) == "closed") and self.forced != "open":
            return False
        self._probes += 1
        self._last_probe_s = now
        return True

    def ended(self, now: float, probe: bool, kind: str = "", retry_after_s: float | None = None) -> bool:
        """A request ended: ``kind`` is empty for success, ``cancelled`` when nothing was learned. Returns whether
        the breaker opened by it."""
        if probe:
            self._probes = max(0, self._probes - 1)
        if kind == "cancelled":
            return False
        if kind in DEAD_KEY:
            return self._open(now, kind, self.dead_key_open_s)
        if kind in TROUBLE:
            return self._count(now, kind, probe, retry_after_s)
        if kind == "rate_limited":
            return self._rate_limited(now, probe, retry_after_s)
        self._alive(probe)  # an answer, even a refusal of this one request, proves it alive
        return False

    def _rate_limited(self, now: float, probe: bool, retry_after_s: float | None) -> bool:
        if retry_after_s is not None and retry_after_s >= self.limited_open_s:
            return self._open(now, "rate_limited", min(retry_after_s, self.longest_rest_s))
        self._limited += 1
        if now < self.until_s:
            return False
        if self._limited < self.limited_threshold and (retry_after_s is not None or not probe):
            return self._open(now, "rate_limited", retry_after_s) if retry_after_s else False
        longer = max(self.limited_open_s, self._open_for_s * 2)
        return self._open(now, "rate_limited", min(longer, self.limited_longest_s))

    def _alive(self, probe: bool) -> None:
        if not (self._failures or self._limited or self._open_for_s or self._ramp):
            return  # nothing to forgive, as nearly always
        if self._open_for_s and not probe:
            return  # sent before it opened: what it was, not what it is
        ramp = self._ramp
        if self._open_for_s:
            ramp = 2
        elif probe and ramp:
            ramp *= 2
        self.reset()
        self._ramp = ramp if ramp <= self.full_ramp else 0

    def _count(self, now: float, kind: str, probe: bool, retry_after_s: float | None) -> bool:
        self._failures += 1
        if probe and now < self._open_until_s and self._open_for_s:
            return False  # another probe found out before; they do not add up
        if probe:
            longer = min(self.longest_open_s, max(self.first_open_s, self._open_for_s * 2))
            return self._open(now, kind, longer)
        if self._open_for_s:  # a straggler sent before it opened says nothing new
            return False
        if retry_after_s is not None:
            return self._open(now, kind, min(retry_after_s, self.longest_rest_s))
        if self._failures >= self.threshold:
            return self._open(now, kind, self.first_open_s)
        return False

    def _open(self, now: float, kind: str, seconds: float) -> bool:
        was_closed = not self._open_for_s
        self._open_for_s = max(seconds, 0.001)
        self._open_until_s = now + self._open_for_s
        self._last_probe_s = now
        self._ramp = 0
        self.reason = kind
        return was_closed

    def open_until(self, now: float, seconds: float, reason: str) -> None:
        """Another worker of the node found it failing."""
        if seconds > self.wait_s(now):
            self._open(now, reason, seconds)

    def close(self) -> None:
        """Another worker of the node found it well again: closed, with the ramp of one that has just come back."""
        if self._open_for_s:
            self.reset()
            self._ramp = 2

    def reset(self) -> None:
        """Closed, as new (also an operator's ``reset``). An operator's ``forced`` stays."""
        self._failures = 0
        self._limited = 0
        self._ramp = 0
        self._open_for_s = 0.0
        self._open_until_s = 0.0
        self.reason = ""
