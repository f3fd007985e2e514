"""Breakers of a node: what one worker finds out, all of them know; what an operator says holds for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from tollhouse.dataplane.dispatch.choosing.target_state import Action
from tollhouse.dataplane.dispatch.choosing.targets import BreakerChange, TargetStates
from tollhouse.dataplane.runtime.link.link import Link, LinkError, encode_tell
from tollhouse.dataplane.runtime.link.messages import BreakerTold, Forced, ForceTarget
from tollhouse.dataplane.runtime.node.crew import Crew
from tollhouse.dataplane.runtime.node.standing_orders import StandingOrders
from tollhouse.dataplane.runtime.node.worker_process import WorkerProcess

ACTIONS: tuple[str, ...] = get_args(Action)
_ANSWER_S = 5.0


class WorkerBreakers:
    """A worker's end: tells what its own traffic opens and closes, learns what others say."""

    def __init__(self, states: TargetStates, link: Callable[[], Link]) -> None:
        self._states = states
        self._link = link
        states.on_change = self._tell

    def _tell(self, change: BreakerChange) -> None:
        told = BreakerTold(change.key, change.account, change.opened, change.reason, change.seconds)
        self._link().tell(told)

    def learn(self, told: BreakerTold) -> None:
        """Another worker's breaker opened or closed."""
        self._states.learn(BreakerChange(told.key, told.account, told.opened, told.reason, told.seconds))

    def force(self, wanted: ForceTarget) -> Forced:
        """An operator's word."""
        action: Action = "open" if wanted.action == "open" else "close" if wanted.action == "close" else "reset"
        return Forced(self._states.force(wanted.name, action))


class NodeBreakers:
    """The supervisor's end: spreads the news, remembers it for workers that start later."""

    def __init__(self, crew: Crew, orders: Path) -> None:
        """``orders``: the file in which operators' words outlive the node."""
        self._crew = crew
        self._orders = StandingOrders(orders)
        self._open: dict[tuple[str, bool], tuple[BreakerTold, float]] = {}

    def spread(self, teller: WorkerProcess, told: BreakerTold) -> None:
        """Tell all workers but the one that told it."""
        now = time.monotonic()
        if told.opened:
            self._open[told.key, told.account] = (told, now + told.seconds)
        else:
            self._open.pop((told.key, told.account), None)
        frame = encode_tell(told)
        for worker in self._crew.workers:
            if worker is not teller and worker.ready and worker.link is not None:
                worker.link.send_frame(frame)

    def brief(self, worker: WorkerProcess) -> None:
        """Tell a new worker what holds."""
        if worker.link is None:
            return
        for name, action in self._orders:
            worker.link.tell(ForceTarget(name, action))
        now = time.monotonic()
        self._open = {key: entry for key, entry in self._open.items() if entry[1] > now}
        for told, until in self._open.values():
            worker.link.tell(BreakerTold(told.key, told.account, True, told.reason, until - now))

    async def force(self, name: str, action: str) -> int:
        """Open, close or reset a target on every worker. How many target states have that name where most are known.
        Raises LinkError when no worker answered."""
        self._orders.set(name, action)
        if action == "reset":
            self._open.clear()
        asked = [
            worker.link.ask(ForceTarget(name, action), Forced, _ANSWER_S)
            for worker in self._crew.workers
            if worker.ready and worker.link is not None
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        counts = [one.count for one in answers if isinstance(one, Forced)]
        if not counts:
            raise LinkError("no worker answered")
        return max(counts)
