"""What a worker serves with: the services of its plugins, the gateway, and the server in front of it."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

from tollhouse.dataplane.config.objects import Batch
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.runtime.clock import SystemClock
from tollhouse.dataplane.runtime.counts.counters import LinkedCounters
from tollhouse.dataplane.runtime.counts.linked_budgets import LinkedBudgets
from tollhouse.dataplane.runtime.ledger.outbox import Outbox
from tollhouse.dataplane.runtime.link.link import Link, LinkError
from tollhouse.dataplane.runtime.link.messages import Applied, Exposition, ExpositionWanted, SecretValues, Start
from tollhouse.dataplane.runtime.node.breakers import WorkerBreakers
from tollhouse.dataplane.runtime.secrets import NodeSecrets, digest_key
from tollhouse.dataplane.runtime.sinks.access_log import AccessLog
from tollhouse.dataplane.runtime.sinks.audit_trail import AuditTrail
from tollhouse.dataplane.runtime.sinks.confined_files import ConfinedLogFiles
from tollhouse.dataplane.runtime.sinks.kafka import open_topic
from tollhouse.dataplane.runtime.sinks.log_files import BackgroundLogFiles
from tollhouse.dataplane.runtime.sinks.rotation import Rotation
from tollhouse.dataplane.runtime.sinks.tailing import WorkerTail
from tollhouse.dataplane.runtime.sinks.wire import dial
from tollhouse.dataplane.runtime.tasks import Tasks
from tollhouse.dataplane.runtime.telemetry.metrics import PlainMetrics
from tollhouse.dataplane.runtime.telemetry.tracing import SpanSinks
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport
from tollhouse.dataplane.runtime.worker.inspection import Inspection
from tollhouse.dataplane.runtime.worker.traffic import Traffic
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.settings import Settings, own_hostname
from tollhouse.dataplane.spending import Asked, Need

log = logging.getLogger("tollhouse.worker")

SCRAPE_TIMEOUT_S = 5.0
CLOSE_S = 5.0
"""The longest that plugins may take to deliver what waits in them when the worker ends."""
ASKING_S = 15.0
"""Longer than the node's supervisor waits for the control plane."""

_LARGE = 1000
"""Objects in a batch from which on it counts as large."""


class Serving:
    """Everything between the link and the sockets; one per worker."""

    def __init__(self, start: Start, link: Callable[[], Link]) -> None:
        self._link = link
        self._tasks = Tasks()
        self.metrics = PlainMetrics(start.settings.max_series, self._exposition)
        self._counters = LinkedCounters(link)
        self._outbox = Outbox(Path(start.settings.state_dir) / "outbox", shipped=bool(start.settings.control_plane))
        self._budgets = LinkedBudgets(link, self._outbox.series, tells=not self._outbox.shipped)
        dropped = self.metrics.counter("tollhouse_log_lines_dropped_total", "Lines log files did not take.", ("path",))
        self._log_files = BackgroundLogFiles(lambda path: dropped(path).add(1), rotation=_rotation(start.settings))
        spans_dropped = self.metrics.counter(
            "tollhouse_spans_dropped_total",
            "Spans, and attempts to be counted in metrics, that a collector did not get.",
            ("collector",),
        )
        self._secrets = NodeSecrets(start.settings.sealing_key)
        self._services = Services(
            clock=SystemClock(),
            luck=random.Random(),
            counters=self._counters,
            metrics=self.metrics,
            secrets=self._secrets,
            transport=LeanTransport(),
            spawn=self._tasks.spawn,
            hostname=own_hostname(start.settings),
            node_id=start.node_id,
            digest_key=digest_key(start.settings.sealing_key),
            worker=start.index,
            workers=start.settings.workers,
            log_files=ConfinedLogFiles(self._log_files, start.settings.state_dir),
            budgets=self._budgets,
            attempt_log=self._outbox,
            ask_operators=self._ask_operators,
            alert=lambda alert: self._link().tell(alert),
            dial=dial,
            open_topic=open_topic,
            open_spans=SpanSinks(spans_dropped).open,
        )
        self.gateway = Gateway(self._services)
        if start.settings.access_log:
            access_log = AccessLog(start.settings.access_log, self._log_files, self._services.clock)
            self.gateway.recorders.append(access_log.record)
        audit = AuditTrail(
            Path(start.settings.state_dir) / "audit",
            start.index,
            start.node_id,
            start.settings.sealing_key,
            self._log_files,
        )
        self.gateway.recorders.append(audit.record)
        self.inspection = Inspection(self.gateway)
        states = states_of(self._services)
        states.most_under_way = start.settings.max_under_way
        self.breakers = WorkerBreakers(states, link)
        self.tail = WorkerTail(self.gateway, link, self._services.clock.monotonic)
        self._traffic = Traffic(start, self.gateway, self._services.secrets.reveal)
        self._tasks.spawn(self._counters.keep(), "return idle slices")
        self._tasks.spawn(self._outbox.keep(), "sync the outbox")
        self._tasks.spawn(self._budgets.keep(), "settle envelopes")
        self._tasks.spawn(self.metrics.keep(), "fold histograms")

    @property
    def exchanges(self) -> int:
        """Exchanges under way."""
        return self._traffic.exchanges

    async def _ask_operators(self, need: Need) -> Asked:
        try:
            return await self._link().ask(need, Asked, ASKING_S)
        except LinkError as error:
            return Asked(problem=str(error))

    def learn(self, told: SecretValues) -> None:
        """What secret stores say from now on."""
        self._secrets.learn(told.values, told.faults)

    async def load(self, batch: Batch) -> Applied:
        """Serve a batch; listening begins with the first. Raises PortTaken."""
        began = time.monotonic()
        error = ""
        large = len(batch.puts) >= _LARGE
        if large:  # nothing of it is garbage, and looking for some among so much would stall every stream
            gc.disable()
        try:
            await self.gateway.load(batch)
        except Exception as fault:
            log.exception("batch not loaded", extra={"revision": batch.revision})
            error = f"{type(fault).__name__}: {fault}"
        else:
            await self._open()
        if large:
            gc.freeze()
            gc.enable()
        snapshot = self.gateway.snapshot
        took_ms = (time.monotonic() - began) * 1000
        return Applied(snapshot.revision, snapshot.refused, self.gateway.count(), took_ms, error)

    @property
    def loaded(self) -> bool:
        """Whether there is a configuration."""
        return self.gateway.snapshot.source != "none"

    async def take_new_prices(self) -> None:
        """Charge by prices that have begun to hold since the configuration was loaded."""
        if self.gateway.prices_are_old:
            snapshot = self.gateway.snapshot
            await self.gateway.load(Batch(snapshot.revision, False, source=snapshot.source))
            log.info("prices that begin today are charged from now on")

    async def _open(self) -> None:
        if not self._traffic.is_open:
            # The code and the first configuration stay: the collector need not look at them again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(10_000, 20, 50)  # requests leave little to collect behind
            await self._traffic.open()

    async def close(self, limit_s: float) -> None:
        """Stop accepting, let running replies finish, then let go of everything."""
        began_s = time.monotonic()
        await self._traffic.drain(limit_s)
        await self.gateway.close(min(CLOSE_S, max(1.0, limit_s - (time.monotonic() - began_s))))
        for close in self._services.on_close:
            try:
                await close()
            except Exception:
                log.exception("service not closed")
        self._counters.return_all()
        self._budgets.return_all()
        await self._tasks.close()
        await self._services.transport.close()
        self._outbox.end()
        await asyncio.to_thread(self._log_files.close)

    async def _exposition(self) -> bytes:
        return (await self._link().ask(ExpositionWanted(), Exposition, SCRAPE_TIMEOUT_S)).body


def _rotation(settings: Settings) -> Rotation:
    audit = str(Path(settings.state_dir) / "audit")
    return Rotation(settings.log_max_mb << 20, settings.log_every_hours * 3600, settings.log_keep, audit)
