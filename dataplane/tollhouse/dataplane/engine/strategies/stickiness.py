"""A session stays where it was, while that target is fit: its prompt cache is warm there. Time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from tollhouse.dataplane.engine.strategies.standing import Ranked

MAX_SESSIONS = 20_000


class Stickiness:
    """Which target served which session last. Bounded: the session longest silent is forgotten first."""

    __slots__ = ("_last", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def remember(self, session: str, target: str, now: float) -> None:
        """The target answered the session."""
        self._last[session] = (target, now)
        self._last.move_to_end(session)
        if len(self._last) > MAX_SESSIONS:
            self._last.popitem(last=False)

    def last(self, session: str, now: float) -> str:
        """Where the session was within the time it sticks; empty: nowhere."""
        known = self._last.get(session)
        return known[0] if known is not None and now - known[1] <= self._seconds else ""

    def order(self, ranked: Sequence[Ranked], session: str, now: float) -> list[Ranked]:
        """The session's last target first, the rest as it was ranked."""
        last = self.last(session, now)
        kept = next((one for one in ranked if one.name == last), None)
        if kept is None:
            return list(ranked)
        first = Ranked(kept.name, f"the session was here a moment ago; {kept.why}")
        return [first, *(one for one in ranked if one is not kept)]
