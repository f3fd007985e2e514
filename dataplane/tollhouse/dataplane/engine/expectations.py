"""What an agent's requests on a route usually come to, learned from what they came to; and whose prompt is warm where.

Time is an argument; all memory is bounded, the longest unused is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.strategies.standing import Expected
from tollhouse.dataplane.engine.tokens import BYTES_PER_TOKEN

_SMOOTHING = 0.1
_MAX_HABITS = 10_000
_MAX_SESSIONS = 20_000
_ASSUMED_OUTPUT = 400
WARM_S = 300.0
"""How long providers keep a prompt in their cache after its last use."""
_ASSUMED_HITS = 0.5
"""Share of a warm prompt that is read from the cache, until it was measured."""


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
    writes: float = 0.0


class Expectations:
    """One per worker."""

    __slots__ = ("_caching", "_habits", "_warm")

    def __init__(self) -> None:
        self._habits: OrderedDict[tuple[str, str], Habit] = OrderedDict()
        self._caching: OrderedDict[tuple[str, str], Caching] = OrderedDict()
        self._warm: OrderedDict[str, tuple[str, int, float]] = OrderedDict()

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

    def warm(self, session: str, agent: str, target: str, now: float) -> tuple[int, float]:
        """Tokens of the session's prompt that the target's cache probably gives, and the share of the rest that it
        charges as written."""
        caching = self._caching.get((agent, target))
        writes = caching.writes if caching is not None else 0.0
        known = self._warm.get(session)
        if known is None or known[0] != target or now - known[2] > WARM_S:
            return 0, writes
        return round(known[1] * (caching.hits if caching is not None else _ASSUMED_HITS)), writes

    def visited(self, session: str, agent: str, target: str, usage: Usage, now: float) -> None:
        """A target answered a request of the session."""
        known = self._warm.get(session)
        caching = self._caching.setdefault((agent, target), Caching())
        _bound(self._caching, _MAX_HABITS)
        if known is not None and known[0] == target and now - known[2] <= WARM_S and known[1]:
            hits = min(1.0, usage.cached_tokens / known[1])
            caching.hits += (hits - caching.hits) * 0.3
        plain = usage.input_tokens - usage.cached_tokens
        if plain > 0:
            written = (usage.cache_write_tokens + usage.cache_write_1h_tokens) / plain
            caching.writes += (min(1.0, written) - caching.writes) * 0.3
        self._warm[session] = (target, usage.input_tokens, now)
        self._warm.move_to_end(session)
        _bound(self._warm, _MAX_SESSIONS)


def _bound(memory: OrderedDict[Any, Any], most: int) -> None:
    while len(memory) > most:
        memory.popitem(last=False)
