"""When a node counts as healthy: consecutive successes and failures against thresholds (APISIX's health checks)."""

from __future__ import annotations

from typing import Literal

Trouble = Literal["http_failure", "tcp_failure", "timeout"]


class NodeHealth:
    """What is known of one node. Begins healthy."""

    __slots__ = ("_failures", "_successes", "healthy")

    def __init__(self) -> None:
        self.healthy = True
        self._successes = 0
        self._failures: dict[Trouble, int] = {}

    def success(self, needed: int) -> bool:
        """It did well; ``needed`` in a row make it healthy (0: never by this). Returns whether that changed it."""
        self._failures.clear()
        if self.healthy or needed <= 0:
            return False
        self._successes += 1
        if self._successes < needed:
            return False
        self.healthy = True
        self._successes = 0
        return True

    def failure(self, kind: Trouble, needed: int) -> bool:
        """It did badly; ``needed`` of one kind in a row make it unhealthy (0: never). Returns whether that changed."""
        self._successes = 0
        if not self.healthy or needed <= 0:
            return False
        count = self._failures[kind] = self._failures.get(kind, 0) + 1
        if count < needed:
            return False
        self.healthy = False
        self._failures.clear()
        return True

    def counters(self) -> dict[str, int]:
        """The counts so far, for status pages."""
        return {"success": self._successes, **{str(kind): count for kind, count in self._failures.items()}}
