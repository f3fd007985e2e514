"""How often the same target may be asked again, as a share of its traffic."""

from __future__ import annotations


class RetryBudget:
    """Second tries at the same target as a share of traffic, so that trouble is not multiplied. One per target."""

    __slots__ = ("_tokens",)

    share = 0.2
    reserve = 10.0

    def __init__(self) -> None:
        self._tokens = self.reserve

    def request(self) -> None:
        """A first try happened."""
        self._tokens = min(self.reserve, self._tokens + self.share)

    def spend(self) -> bool:
        """Take one retry out of the budget, if there is one."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
