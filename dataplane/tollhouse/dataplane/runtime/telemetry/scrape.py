"""Collects the numbers of all workers when somebody wants to see them."""

from __future__ import annotations

import asyncio
import logging

from tollhouse.dataplane.runtime.link.link import LinkError
from tollhouse.dataplane.runtime.link.messages import Family, MetricsReport, MetricsWanted
from tollhouse.dataplane.runtime.node.crew import Crew
from tollhouse.dataplane.runtime.node.worker_process import WorkerProcess
from tollhouse.dataplane.runtime.telemetry.exposition import NodeTotals, render
from tollhouse.dataplane.runtime.telemetry.money_gauges import MoneyGauges
from tollhouse.dataplane.runtime.telemetry.node_gauges import NodeGauges

log = logging.getLogger("tollhouse.metrics")

TIMEOUT_S = 2.0
"""A worker that does not tell its numbers in this time is counted with the ones it told last."""


class Scrape:
    """The node's numbers as text."""

    def __init__(self, crew: Crew, gauges: NodeGauges, money: MoneyGauges) -> None:
        self._crew = crew
        self._totals = NodeTotals()
        self._gauges = gauges
        self._money = money
        self._under_way: asyncio.Task[bytes] | None = None

    def report(self, worker: WorkerProcess, families: list[Family]) -> None:
        """A worker told its numbers by itself."""
        self._totals.report(worker.serial, families)

    def retire(self, worker: WorkerProcess) -> None:
        """A worker is gone; what it counted stays counted."""
        self._totals.retire(worker.serial)

    async def text(self) -> bytes:
        """Prometheus' text format, all workers added up. Scrapes at the same time share one collection."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.get_running_loop().create_task(self._collect(), name="scrape")
        return await asyncio.shield(self._under_way)

    async def families(self) -> list[Family]:
        """The numbers themselves, all workers added up."""
        await asyncio.gather(*(self._ask(worker) for worker in self._crew.workers if worker.ready))
        return self._totals.families(self._gauges.families(), await self._money.families())

    async def _collect(self) -> bytes:
        return render(await self.families())

    async def _ask(self, worker: WorkerProcess) -> None:
        if worker.link is None:
            return
        try:
            told = await worker.link.ask(MetricsWanted(), MetricsReport, TIMEOUT_S)
        except LinkError as error:
            log.warning("worker did not tell its numbers: %s", error, extra={"worker": worker.index})
            return
        # It may have died meanwhile; its numbers are retired then, and must not come back.
        if worker in self._crew.workers:
            self._totals.report(worker.serial, told.families)
