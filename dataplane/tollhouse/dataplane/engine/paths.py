"""Which targets are still ahead of a request: the ordinary ones, and the chains of who takes over for which reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from tollhouse.dataplane.provider import UpstreamFailure

Reason = Literal["availability", "context_too_long", "content_refused", "budget"]
Chains = Mapping[str, Sequence[int]]
"""Reason -> the targets that take over for it, in order."""

NO_CHAINS: Chains = {}


class Path:
    """Which targets are still ahead."""

    __slots__ = ("_chains", "_hops", "_queue", "_tried", "_windows", "index")

    def __init__(self, windows: Sequence[int], main: int, hops: bool, chains: Chains, begin: str) -> None:
        self._windows = windows
        self._hops = hops
        self._chains = chains
        self._tried: set[int] = set()
        self._queue = list(range(main)) if main else list(chains.get(begin, ()))
        self.index = self._queue[0]
        self._tried.add(self.index)

    def chained(self, failure: UpstreamFailure) -> bool:
        """Whether somebody is named to take over for this very reason."""
        return bool(self._fresh(self._chains.get(reason_of(failure), ())))

    def after(self, failure: UpstreamFailure | None) -> int | None:
        """The next target down the list, or in the chain for the failure's reason."""
        reason = "availability" if failure is None else reason_of(failure)
        if reason != "availability" and (named := self._fresh(self._chains.get(reason, ()))):
            return named[0]
        waiting = self._fresh(self._queue) if self._hops else []
        if reason == "context_too_long":
            here = self._windows[self.index]
            return next((one for one in waiting if self._windows[one] > here > 0), None)
        ahead = waiting or self._fresh(self._chains.get("availability", ()))
        return ahead[0] if ahead else None

    def go(self, index: int, failure: UpstreamFailure) -> None:
        """Move on; whoever enters a chain goes on in it."""
        chain = self._chains.get(reason_of(failure), ())
        if index in chain and index not in self._queue:
            self._queue = list(chain)
            self._hops = True
        self.index = index
        self._tried.add(index)

    def skip(self, index: int) -> None:
        """It was tried beside another."""
        self._tried.add(index)

    def readmit(self, indices: Sequence[int]) -> None:
        """They were passed over without being asked, and nobody else is left."""
        self._queue = list(indices)
        self._tried.difference_update(indices)

    def _fresh(self, indices: Sequence[int]) -> list[int]:
        return [one for one in indices if one not in self._tried]


def reason_of(failure: UpstreamFailure) -> str:
    return failure.kind if failure.kind in ("context_too_long", "content_refused", "budget") else "availability"


def takers(index: int, count: int, main: int | None, chains: Chains) -> list[int]:
    """Who may go on with what the target at ``index`` of ``count`` began and could not end, in order: the ordinary ones
    and who is named for their absence; whoever stands in a chain only, with the rest of it."""
    ordinary = count if main is None else main
    if index < ordinary:
        named: Sequence[int] = [*range(ordinary), *chains.get("availability", ())]
    else:
        homes = [members for reason, members in chains.items() if index in members and reason != "availability"]
        if index in chains.get("availability", ()) or not homes:
            homes = [chains.get("availability", ())]
        named = homes[0]
    return [one for one in dict.fromkeys(named) if one != index]
