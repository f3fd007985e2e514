"""The numbers of the node itself, beside those of its workers."""

from __future__ import annotations

from importlib.metadata import version

from tollhouse.dataplane.runtime.link.messages import Family
from tollhouse.dataplane.runtime.node.report import NodeReport
from tollhouse.dataplane.runtime.telemetry.metrics import PlainMetrics
from tollhouse.dataplane.services import Cell


class NodeGauges:
    """Reads the report when scraped; nothing is counted in between."""

    def __init__(self, report: NodeReport, hostname: str, *, etcd: bool) -> None:
        self._report = report
        self._metrics = PlainMetrics()
        gauge, counter = self._metrics.gauge, self._metrics.counter
        info = gauge("apisix_node_info", "The node and its version; always 1.", ("hostname", "version"))
        info(hostname, version("tollhouse")).set(1)
        self._etcd: Cell | None = None
        if etcd:
            self._etcd = gauge("apisix_etcd_reachable", "1 while etcd was heard of in the last 15 seconds.", ())()
        self._revision = gauge("tollhouse_config_revision", "Configuration revision all serving workers include.", ())()
        self._known = gauge("tollhouse_config_known_revision", "Configuration revision this node has heard of.", ())()
        self._age = gauge(
            "tollhouse_config_age_seconds", "Seconds since the configuration's source was heard of.", ()
        )()
        self._refused = gauge("tollhouse_config_refused_objects", "Objects this node could not take.", ())()
        self._alive = gauge("tollhouse_workers_serving", "Workers that take traffic.", ())()
        self._restarts = counter("tollhouse_worker_restarts_total", "Workers that ended and were replaced.", ())()
        self._draining = gauge("tollhouse_draining", "1 while the node finishes and takes no new work.", ())()
        self._failures = counter(
            "tollhouse_counter_failures_total", "Operations a shared counter store did not do.", ()
        )()
        self._reachable = gauge("tollhouse_counters_reachable", "1 while all shared counter stores answer.", ())()

    def families(self) -> list[Family]:
        """The numbers now."""
        report = self._report
        age_s = report.config_age_s
        self._age.set(age_s)
        if self._etcd is not None:
            self._etcd.set(float(report.state.source == "etcd" and age_s < 15))
        self._revision.set(report.applied_revision)
        self._known.set(report.state.revision)
        self._refused.set(len(report.refused))
        self._alive.set(len(report.crew.serving))
        self._restarts.set(report.crew.restarts)
        self._draining.set(float(report.draining))
        self._failures.set(report.authority.failures)
        self._reachable.set(float(not report.authority.unreachable))
        return self._metrics.families()
