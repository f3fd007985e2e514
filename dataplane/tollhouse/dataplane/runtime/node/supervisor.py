"""One node: reads the configuration, runs the workers that serve it, and answers for them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import uvloop
from tollhouse.dataplane.config.objects import Batch, ConfigSource
from tollhouse.dataplane.runtime.counts.authority import Authority, SharedCounts
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.budget_report import BudgetService
from tollhouse.dataplane.runtime.counts.budget_store import open_shared
from tollhouse.dataplane.runtime.counts.counting_for_others import CountingForOthers
from tollhouse.dataplane.runtime.guarded_loop import GuardedLoop
from tollhouse.dataplane.runtime.ledger.control_plane import LedgerCounts
from tollhouse.dataplane.runtime.ledger.shipping import Shipping
from tollhouse.dataplane.runtime.link.link import encode_tell
from tollhouse.dataplane.runtime.link.messages import (
    BreakerTold,
    Config,
    Exposition,
    ExpositionWanted,
    Message,
    MetricsReport,
    Refusal,
    SecretValues,
    Settle,
    SettleAll,
    Spent,
    Start,
    Tailed,
    Take,
    TakeAll,
)
from tollhouse.dataplane.runtime.listeners import PortTaken, address_of, reserve
from tollhouse.dataplane.runtime.logs import set_up_logs
from tollhouse.dataplane.runtime.node.api import NodeApi, NodeService
from tollhouse.dataplane.runtime.node.audit_shipping import AuditShipping
from tollhouse.dataplane.runtime.node.callers import Callers
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.node.connections import Registrar, open_registrar, open_source
from tollhouse.dataplane.runtime.node.control import ControlServer
from tollhouse.dataplane.runtime.node.crew import Crew
from tollhouse.dataplane.runtime.node.escalating import Escalating
from tollhouse.dataplane.runtime.node.identity import load_node_id
from tollhouse.dataplane.runtime.node.notifying import Notifying
from tollhouse.dataplane.runtime.node.report import NodeReport
from tollhouse.dataplane.runtime.node.spend_watch import SpendWatch
from tollhouse.dataplane.runtime.node.worker_process import WorkerProcess
from tollhouse.dataplane.runtime.own_places import places_of
from tollhouse.dataplane.runtime.secret_stores.keeper import SecretKeeper
from tollhouse.dataplane.runtime.secrets import NodeSecrets
from tollhouse.dataplane.runtime.sinks.tailing import Tails
from tollhouse.dataplane.runtime.telemetry.money_gauges import MoneyGauges
from tollhouse.dataplane.runtime.telemetry.node_gauges import NodeGauges
from tollhouse.dataplane.runtime.telemetry.scrape import Scrape
from tollhouse.dataplane.services import CounterPolicy
from tollhouse.dataplane.settings import Settings, own_hostname
from tollhouse.dataplane.spending import Alert, Crossing, Need
from tollhouse.proto.sealing import Sealer

log = logging.getLogger("tollhouse.supervisor")

HOUSEKEEPING_S = 30.0
FLUSH_S = 3.0
"""How long a node that stops goes on sending usage records; what is left waits in its files."""
PORT_PATIENCE_S = 2.0
"""Workers of a supervisor that was killed a moment ago need this long, at most, to leave its port."""


class Supervisor:
    """The parent of a node's workers; serves no traffic itself. Lives for one ``run``."""

    def __init__(self, settings: Settings, source: ConfigSource, node_id: str, registrar: Registrar | None) -> None:
        self._settings = settings
        self._source = source
        self._registrar = registrar
        self._state = ConfigState()
        self._authority = Authority(_open_shared)
        counted_by = node_id if settings.budget_store == "node" else ""
        ledger = LedgerCounts(settings, counted_by).fetch if settings.control_plane else None
        self._budgets = BudgetAuthority(settings.state_dir, node_id, open_shared(settings, node_id), ledger)
        self._shipping = Shipping(settings, node_id, self._budgets)
        self._audit = AuditShipping(settings, node_id)
        self._crew = Crew(
            settings.workers,
            self,
            self._start_message,
            heartbeat_timeout_s=settings.heartbeat_timeout_s,
            on_gone=self._worker_gone,
        )
        self.report = NodeReport(settings, node_id, self._state, self._crew, self._authority, source)
        gauges = NodeGauges(self.report, own_hostname(settings), etcd=not settings.config)
        outbox = Path(settings.state_dir) / "outbox"
        self._scrape = Scrape(self._crew, gauges, MoneyGauges(self._state, self._budgets, self._shipping, outbox))
        self._control = ControlServer(self.report, self._scrape)
        self._tails = Tails(lambda wanted: self._crew.broadcast(encode_tell(wanted)))
        secrets = NodeSecrets(settings.sealing_key)
        sealer = Sealer.from_text(settings.sealing_key)
        self._keeper = SecretKeeper(self._state, secrets, sealer, Path(settings.state_dir), self._tell_secrets)
        self._notifying = Notifying(self._state, secrets, node_id)
        self._watch = SpendWatch(self._state, self._budgets.totals, self._notifying.alert)
        self._escalating = Escalating(settings, self._notifying)
        self._budgets.on_crossed(self._notifying.crossed)
        others = CountingForOthers(self._budgets, serves=settings.budget_store == "shared")
        self._budgets.on_crossed(others.told)
        budgets = BudgetService(self._state, self._budgets, self._notifying, others)
        callers = Callers(lambda: self._state.of_kind("admins"), time.time)
        service = NodeService(self.report, self._scrape, self._tails)
        self._api = NodeApi(settings, service, self.report, budgets, callers)
        self._reserved: list[socket.socket] = []
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._status = 0

    async def run(self) -> int:
        """Serve until told to stop, then drain. The exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # a closed terminal is no reason to stop
        background: list[asyncio.Task[None]] = []
        try:
            self._budgets.open()
            await self._open_ports()
            self._announce()
            self._crew.hire()
            background = [
                loop.create_task(self._follow_source(), name="configuration"),
                loop.create_task(self._keeper.run(), name="secrets"),
                loop.create_task(self._register(), name="registration"),
                loop.create_task(self._keep_house(), name="housekeeping"),
                loop.create_task(self._shipping.run(), name="usage records"),
                loop.create_task(self._watch.run(), name="unusual spending"),
                loop.create_task(self._audit.run(), name="audit lines"),
            ]
            await self._stop.wait()
            if self._state.known:  # else nobody was ever served
                await self._drain()
        except PortTaken as error:
            log.error("not started: %s", error)
            self._status = 1
        finally:
            await self._close(background)
        return self._status

    # -- starting

    async def _open_ports(self) -> None:
        settings, report = self._settings, self.report
        report.http_address = await self._reserve(settings.http_listen)
        report.https_address = await self._reserve(settings.https_listen)
        if settings.control_listen:
            report.control_address = await self._control.start(settings.control_listen)
        if settings.grpc_listen:
            report.grpc_address = await self._api.start(settings.grpc_listen)

    async def _reserve(self, address: str) -> str:
        if not address:
            return ""
        deadline = time.monotonic() + PORT_PATIENCE_S
        while True:
            try:
                self._reserved.append(reserve(address))
            except PortTaken:
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(0.05)
            else:
                return address_of(self._reserved[-1])

    def _announce(self) -> None:
        """Say where everything listens: in the log, and in a file for whoever started this process."""
        report = self.report
        where = {
            "pid": os.getpid(),
            "node": report.node_id,
            "http": report.http_address,
            "https": report.https_address,
            "control": report.control_address,
            "grpc": report.grpc_address,
        }
        path = Path(self._settings.state_dir) / "addresses.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(where) + "\n")
        fresh.replace(path)
        log.info("node listens", extra={key: value for key, value in where.items() if key != "pid"})

    def _start_message(self, index: int) -> Start:
        # Workers have no use for the node's own credentials.
        settings = replace(self._settings, admin_key="", control_plane_key="", etcd_password="", budget_store="")
        own = tuple(places_of(self._settings))
        return Start(settings, self.report.node_id, index, self.report.http_address, self.report.https_address, own)

    # -- configuration

    async def _follow_source(self) -> None:
        try:
            async for batch in self._source.batches():
                self._state.apply(batch)
                await self._keeper.take(batch)
                self._spread(batch)
                self._keeper.reload()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # A source survives its own outages; what comes here cannot be waited out (a file that is not a config).
            log.error("configuration cannot be read: %s", error, exc_info=not isinstance(error, ValueError))
            self._status = 1
            self._stop.set()

    def _spread(self, batch: Batch) -> None:
        self._crew.broadcast(encode_tell(Config(batch)))
        log.debug("configuration changed", extra={"revision": batch.revision, "objects": len(batch.puts)})

    def _tell_secrets(self, again: Batch | None) -> None:
        self._crew.broadcast(encode_tell(SecretValues(*self._keeper.known)))
        if again is not None:
            self._spread(again)

    # -- what workers say (``worker_process.Owner``)

    def worker_ready(self, worker: WorkerProcess) -> None:
        """Give a new worker everything there is; changes follow from now on."""
        self.report.breakers.brief(worker)
        if self._state.known and worker.link is not None:
            worker.link.tell(SecretValues(*self._keeper.known))
            worker.link.tell(Config(self._state.full()))
        if self._tails.wanted.most_per_second and worker.link is not None:
            worker.link.tell(self._tails.wanted)

    def worker_applied(self, worker: WorkerProcess) -> None:
        """Tell the fleet when the whole node has come further."""
        self._changed.set()

    def worker_told(self, worker: WorkerProcess, message: Message) -> None:
        """Corrections of counts, and numbers."""
        if isinstance(message, Settle):
            self._authority.settle(message)
        elif isinstance(message, Tailed):
            self._tails.told(message)
        elif isinstance(message, SettleAll):
            self._budgets.settle(message)
        elif isinstance(message, Spent):
            self._shipping.told(message)
        elif isinstance(message, Alert):
            self._notifying.alert(message)
        elif isinstance(message, Crossing):
            self._budgets.crossed(message)
        elif isinstance(message, MetricsReport):
            self._scrape.report(worker, message.families)
        elif isinstance(message, BreakerTold):
            self.report.breakers.spread(worker, message)

    def worker_asked(self, worker: WorkerProcess, message: Message) -> Message | Awaitable[Message]:
        """Counts, and the whole node's numbers."""
        if isinstance(message, Take):
            return self._authority.take(message)
        if isinstance(message, TakeAll):
            return self._budgets.take(worker.serial, message)
        if isinstance(message, Need):
            return self._escalating.ask(message)
        if isinstance(message, ExpositionWanted):
            return self._exposition()
        return Refusal(f"a supervisor does not answer {type(message).__name__}")

    async def _exposition(self) -> Exposition:
        return Exposition(await self._scrape.text())

    def _worker_gone(self, worker: WorkerProcess) -> None:
        self._scrape.retire(worker)
        self._shipping.worker_gone()
        self._changed.set()

    # -- in the background

    async def _register(self) -> None:
        """Keep the node's registration true."""
        if self._registrar is None:
            return
        published = None
        while True:
            await self._changed.wait()
            self._changed.clear()
            current = self.report.registration()
            if current != published:
                await self._registrar.publish(current)
                published = current

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._authority.sweep()

    # -- stopping

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            log.warning("told to stop twice: ending at once")
            self._status = 1
            for worker in self._crew.workers:
                worker.kill()
        self._stop.set()

    async def _drain(self) -> None:
        self.report.draining = True
        self._changed.set()
        await self._api.stop_serving()
        log.info("draining", extra={"limit_s": self._settings.drain_timeout_s})
        began = time.monotonic()
        clean = await self._crew.drain(self._settings.drain_timeout_s)
        log.info("drained", extra={"took_s": round(time.monotonic() - began, 3), "clean": clean})

    async def _close(self, background: list[asyncio.Task[None]]) -> None:
        await self._crew.kill()
        if background:
            await self._shipping.flush(FLUSH_S)
        for task in background:
            task.cancel()
        if background:
            await asyncio.wait(background, timeout=5)
            await self._audit.flush(FLUSH_S)
        if self._registrar is not None:
            await self._registrar.close()
        await self._source.close()
        await self._authority.close()
        await self._budgets.close()
        await self._escalating.close()
        await self._notifying.close()
        await self._keeper.close()
        await self._api.close()
        await self._control.close()
        for bound in self._reserved:
            bound.close()


def _open_shared(policy: CounterPolicy) -> SharedCounts:
    # Most nodes have no Redis, and its client takes a while to load.
    from tollhouse.dataplane.runtime.counts.redis_counts import open_counts

    return open_counts(policy)


async def _run(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, GuardedLoop)
    loop.keep_from(places_of(replace(settings, budget_store="node")))  # of its own parts it asks Redis alone this way
    node_id = load_node_id(settings)
    source = open_source(settings)
    return await Supervisor(settings, source, node_id, open_registrar(settings, node_id)).run()


def run_node(settings: Settings) -> int:
    """Run a node in this process until it is told to stop; the exit status."""
    set_up_logs(settings.log_level, "supervisor")
    return uvloop.run(_run(settings), loop_factory=GuardedLoop)
