"""How long to wait for an answer's beginning before somebody else is asked: learned from the target's own record, per
kind of request. Time is an argument.

A kind tells apart what takes its time for good reasons: whole answers from streams, requests that ask for thinking
from those that do not, long prompts from short ones. Nothing is held against a target whose record is too short.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

ENOUGH = 20
"""Answers of a kind before its record counts."""
KEPT = 100
"""Answers of a kind that are remembered, the latest."""
FORGOTTEN_S = 3600.0
"""A record nothing was added to for so long says nothing about now."""
ORDINARY = 0.95
"""The share of the remembered answers that began within the ordinary time."""
FLOOR_S = 0.7
"""Nobody is late before this: machines pause now and then, ours too."""
SILENT = 2.0
"""Times the ordinary time: late, when nobody asked since was answered within it."""
SILENT_STREAM = 1.25
"""The same for streams: how soon they begin does not hang on how much they say."""
ALIVE = 5.0
"""Times the ordinary time for a target that answers others as ever meanwhile: it is this request that takes long."""
ODD = 3.0
"""Times the ordinary time: what takes longer does not belong to the record, unless it becomes the rule."""
BELIEVED = 50
"""So many odd answers in a row are no trouble that passes: the target has become slower for good."""
_AGAIN = 8
"""The ordinary time is worked out anew after so many further answers."""

_MEDIUM, _LONG = 32_000, 256_000
_THINKS = (b'"thinking', b'"reasoning')


class Kind(NamedTuple):
    """Requests that may be measured by one another."""

    stream: bool
    thinks: bool
    size: int
    """0 short, 1 medium, 2 long."""


def kind_of(body: bytes, stream: bool) -> Kind:
    """The kind of a request, by its bytes: it is asked for before every try, so nothing is parsed."""
    size = 0 if len(body) < _MEDIUM else 1 if len(body) < _LONG else 2
    return Kind(stream, any(word in body for word in _THINKS), size)


class Pace:
    """The record of one target for one kind. Lives as long as the worker."""

    __slots__ = ("_at_s", "_fresh", "_odd", "_ordinary_s", "_seen")

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=KEPT)
        self._odd: list[float] = []
        self._fresh = 0
        self._ordinary_s = 0.0
        self._at_s = 0.0

    def observe(self, seconds: float, now: float) -> None:
        """An answer began (a whole one: was there) after so long."""
        if self._seen and now - self._at_s > FORGOTTEN_S:
            self._seen.clear()
            self._odd.clear()
            self._ordinary_s = 0.0
        self._at_s = now
        if self._ordinary_s and seconds > max(FLOOR_S, ODD * self._ordinary_s):
            # What a target does while it is in trouble is not what it is to be measured by.
            self._odd.append(seconds)
            if len(self._odd) < BELIEVED:
                return
            self._seen.clear()
            self._seen.extend(self._odd)
            self._ordinary_s = 0.0
        else:
            self._seen.append(seconds)
        self._odd.clear()
        self._fresh += 1
        if len(self._seen) >= ENOUGH and (self._fresh >= _AGAIN or not self._ordinary_s):
            ordered = sorted(self._seen)
            self._ordinary_s = ordered[int((len(ordered) - 1) * ORDINARY)]
            self._fresh = 0

    def ordinary_s(self, now: float) -> float:
        """Within which nearly all answers begin; 0 while the record is too short or too old."""
        if len(self._seen) < ENOUGH or now - self._at_s > FORGOTTEN_S:
            return 0.0
        return self._ordinary_s


def late_s(ordinary_s: float, *, alive: bool, doubted: bool = False, stream: bool = False) -> float:
    """After how many seconds an answer that has not begun is late. ``alive``: others who asked later were answered as
    ever. ``doubted``: the last one that ended was late or failed, so the ordinary time is all it gets."""
    times = ALIVE if alive else 1.0 if doubted else SILENT_STREAM if stream else SILENT
    return max(FLOOR_S, ordinary_s * times)


def probe_late_s(ordinary_s: float, rival_ordinary_s: float) -> float:
    """After how many seconds a probe of a target that was found slow gets a rival: so that the rival is through when
    the target, were it well again, would be. Whoever's request it is does not pay for finding out."""
    return max(FLOOR_S, ordinary_s - rival_ordinary_s)
