"""What an agent's requests on a route usually come to, learned from what they came to; and whose prompt is warm where.

Time is an argument; all memory is bounded, the longest unused is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.strategies.standing import Expected
from tollhouse.dataplane.engine.tokens import BYTES_PER_TOKEN

_SMOOTHING = 0.1
_CACHE_SMOOTHING = 0.3
_MAX_HABITS = 10_000
_MAX_SESSIONS = 20_000
_MAX_PLACES = 4
"""Targets at which one session's prompt is remembered to be warm, the latest."""
_ASSUMED_OUTPUT = 400
WARM_S = 300.0
"""How long most providers keep a prompt in their cache after its last use."""
WARM_LONG_S = 3600.0
"""The same for what was written to be kept for an hour."""
_ASSUMED_HITS = 0.5
"""Share of a warm prompt that is read from the cache, until it was measured."""
ASSUMED_WRITES = 0.9
"""Share of the rest that is written to a cache nobody has seen this agent use, where its request marks parts for it."""


@dataclass(slots=True)
class Habit:
    """Averages over an agent's requests on one route."""

    output_tokens: float = 0.0
    bytes_per_token: float = float(BYTES_PER_TOKEN)
    seen: int = 0


@dataclass(slots=True)
class Caching:
    """How one target's cache treats one agent."""

    hits: float = _ASSUMED_HITS
    writes: float | None = None
    """Share of what was not cached that it charges as written; None: not seen yet."""
    writes_1h: float = 0.0
    """The same for an hour's keeping."""


class Place(NamedTuple):
    """Where a session's prompt is warm."""

    tokens: int
    keeps_s: float
    until_s: float


class Warmth(NamedTuple):
    """What a target's cache probably does to a session's next request."""

    tokens: int = 0
    """Read from it."""
    writes: float | None = None
    writes_1h: float = 0.0
    """Shares of the rest that are charged as written; None: this agent was never seen to use it."""


class Expectations:
    """One per worker."""

    __slots__ = ("_caching", "_habits", "_warm")

    def __init__(self) -> None:
        self._habits: OrderedDict[tuple[str, str], Habit] = OrderedDict()
        self._caching: OrderedDict[tuple[str, str], Caching] = OrderedDict()
        self._warm: OrderedDict[str, dict[str, Place]] = OrderedDict()

    def expect(self, agent: str, route: str, size: int, max_tokens: int | None) -> Expected:
        """The probable tokens of a request of ``size`` bytes."""
        habit = self._habits.get((agent, route)) or Habit()
        output = round(habit.output_tokens) if habit.seen else _ASSUMED_OUTPUT
        if max_tokens is not None:
            output = min(output, max_tokens)
        return Expected(max(1, round(size / habit.bytes_per_token)), max(1, output), habit.seen)

    def learn(self, agent: str, route: str, size: int, usage: Usage) -> None:
        """What a request of ``size`` bytes came to. Estimates teach nothing."""
        if usage.estimated or not usage.input_tokens:
            return
        habit = self._habits.get((agent, route))
        if habit is None:
            habit = self._habits[agent, route] = Habit()
            _bound(self._habits, _MAX_HABITS)
        share = max(_SMOOTHING, 1 / (habit.seen + 1))
        habit.output_tokens += (usage.output_tokens - habit.output_tokens) * share
        if size:
            habit.bytes_per_token += (size / usage.input_tokens - habit.bytes_per_token) * share
        habit.seen += 1
        self._habits.move_to_end((agent, route))

    # -- prompt caches

    def warm(self, session: str, agent: str, target: str, now: float) -> Warmth:
        """What the target's cache would do to the session's next request."""
        caching = self._caching.get((agent, target))
        if caching is None:
            return Warmth()
        place = self._warm.get(session, {}).get(target)
        tokens = round(place.tokens * caching.hits) if place is not None and now <= place.until_s else 0
        return Warmth(tokens, caching.writes, caching.writes_1h)

    def visited(self, session: str, agent: str, target: str, usage: Usage, now: float, keeps_s: float = WARM_S) -> None:
        """A target answered a request of the session; its cache keeps prompts for so long. The places it is warm at
        besides stay warm for what is left of theirs."""
        places = self._warm.setdefault(session, {})
        place = places.pop(target, None)
        still = place if place is not None and now <= place.until_s else None
        caching = self._caching.setdefault((agent, target), Caching())
        _bound(self._caching, _MAX_HABITS)
        if not usage.estimated:
            _learn_caching(caching, usage, still)
        if usage.cache_write_1h_tokens:
            keeps_s = max(keeps_s, WARM_LONG_S)
        elif still is not None:
            keeps_s = max(keeps_s, still.keeps_s)
        places[target] = Place(usage.input_tokens, keeps_s, now + keeps_s)
        if len(places) > _MAX_PLACES:
            del places[next(iter(places))]
        self._warm.move_to_end(session)
        _bound(self._warm, _MAX_SESSIONS)


def _learn_caching(caching: Caching, usage: Usage, still: Place | None) -> None:
    if still is not None and still.tokens:
        hits = min(1.0, usage.cached_tokens / still.tokens)
        caching.hits += (hits - caching.hits) * _CACHE_SMOOTHING
    plain = usage.input_tokens - usage.cached_tokens
    if plain <= 0:
        return
    writes, writes_1h = min(1.0, usage.cache_write_tokens / plain), min(1.0, usage.cache_write_1h_tokens / plain)
    if caching.writes is None:
        caching.writes, caching.writes_1h = writes, writes_1h
        return
    caching.writes += (writes - caching.writes) * _CACHE_SMOOTHING
    caching.writes_1h += (writes_1h - caching.writes_1h) * _CACHE_SMOOTHING


def _bound(memory: OrderedDict[Any, Any], most: int) -> None:
    while len(memory) > most:
        memory.popitem(last=False)
