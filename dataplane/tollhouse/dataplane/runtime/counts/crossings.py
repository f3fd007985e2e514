"""Says once per window that a budget came to a threshold, however many workers and nodes see it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Crossing
from tollhouse.proto.units import format_usd

log = logging.getLogger("tollhouse.budgets")

MOST_TOLD = 10_000


class Crossings:
    """One per node."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, int, int], int] = {}
        """Crossings already told -> when their bucket began."""
        self._listeners: list[Callable[[Crossing], None]] = []

    def listen(self, listener: Callable[[Crossing], None]) -> None:
        """Have them told to a listener too."""
        self._listeners.append(listener)

    def first(self, one: Crossing) -> bool:
        """Whether nobody on this node told of it yet."""
        name = (one.key, one.bucket, one.percent)
        if name in self._told:
            return False
        if len(self._told) > MOST_TOLD:
            for old in sorted(self._told, key=lambda told: self._told[told])[: MOST_TOLD // 2]:
                del self._told[old]
        self._told[name] = one.bucket
        return True

    async def tell_once(self, one: Crossing, first_to_tell: Callable[[str], Awaitable[bool]]) -> None:
        """The first node to see it tells; all do while the store cannot be asked."""
        try:
            first = await first_to_tell(crossing_name(one))
        except CounterUnavailable:
            first = True
        if first:
            self.tell(one)

    def tell(self, one: Crossing) -> None:
        """In the log, and to the listeners."""
        for listener in self._listeners:
            listener(one)
        amounts = (one.used, one.limit)
        used, limit = map(format_usd, amounts) if one.unit == "usd" else map(str, amounts)
        log.warning(
            "budget threshold reached",
            extra={
                "budget": one.budget,
                "key": one.key,
                "percent": one.percent,
                "used": used,
                "limit": limit,
                "unit": one.unit,
            },
        )


def crossing_name(one: Crossing) -> str:
    """The same on all nodes."""
    return f"{one.key}|{one.bucket}|{one.percent}"
