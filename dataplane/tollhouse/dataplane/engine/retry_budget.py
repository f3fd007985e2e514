"""How often the same target may be asked again, as a share of its traffic."""

from __future__ import annotations


class RetryBudget:
    """Second tries at the same target as a share of traffic, so that trouble is not multiplied. One per target."""

    __slots__ = ("_share", "_tokens")

    share = 0.15
    reserve = 10.0
    kept = 8.0
    """Of the reserve: for a crowd that comes from a target which has just failed, not for who never had another."""

    def __init__(self, share: float = share) -> None:
        self._share = share
        self._tokens = self.reserve

    def request(self) -> None:
        """A first try happened."""
        self._tokens = min(self.reserve, self._tokens + self._share)

    def spend(self, kept: float = 0.0) -> bool:
        """Take one retry out of the budget, if there is one besides what is ``kept``."""
        if self._tokens < 1 + kept:
            return False
        self._tokens -= 1
        return True
