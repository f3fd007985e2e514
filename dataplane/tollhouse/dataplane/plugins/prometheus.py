"""Count requests, tokens, cost, errors and latencies, and show them in Prometheus' format."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import Field
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.traffic_families import PROTECTED, TrafficFamilies
from tollhouse.dataplane.records.traffic_labels import TrafficLabels
from tollhouse.dataplane.records.traffic_series import RequestCells, TrafficSeries
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Cell, Services
from tollhouse.dataplane.stages import Stage

DEFAULT_URI = "/apisix/prometheus/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NANO = 1e-9


class PrometheusConfig(PluginConfig):
    """APISIX's schema, with one thing of ours."""

    prefer_name: bool = False
    """Label routes and services by their names instead of their ids, where they have one."""
    fingerprint_callers: bool = True
    """Where nobody is identified, count answered requests by a fingerprint of the credential that was presented."""


class PrometheusMetadata(PluginConfig):
    """What holds for all places."""

    export_uri: str = Field(default=DEFAULT_URI, pattern=r"^/")
    """The path on the traffic port that shows the metrics."""
    disabled_labels: tuple[str, ...] = ()
    """Labels that stay empty, to keep the number of time series low; ``code`` and ``type`` cannot be switched off."""


class Prometheus(Plugin[PrometheusConfig]):
    """Usually a global rule. Where a route has it too, only that one counts."""

    name = "prometheus"
    # Requests count as active once nothing refuses them any more: right before they are sent on.
    stage = Stage.ANSWER
    priority = 500
    Config = PrometheusConfig
    Metadata = PrometheusMetadata
    prefer_route = True
    counts = True

    def __init__(
        self, config: PrometheusConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._told = metadata if isinstance(metadata, PrometheusMetadata) else PrometheusMetadata()
        off = frozenset(self._told.disabled_labels) - PROTECTED
        self._families = TrafficFamilies(services.metrics, off)
        self._labels = TrafficLabels(prefer_name=config.prefer_name, fingerprint_callers=config.fingerprint_callers)
        self._series = TrafficSeries(self._families, self._labels)

    def endpoints(self) -> dict[str, Callable[[Exchange], Awaitable[Reply]]]:
        """The export path."""
        return {self._told.export_uri: self._export}

    async def _export(self, ex: Exchange) -> Reply:
        return Reply(200, [("content-type", CONTENT_TYPE)], await self.services.metrics.exposition())

    # -- one request

    def request(self, ex: Exchange) -> None:
        """A model request is active from here to its record."""
        if ex.protocol is not None:
            cell = ex.state[self.name] = self._series.active(ex)
            cell.add(1)

    def record(self, ex: Exchange) -> None:
        """Count it."""
        active: Cell | None = ex.state.pop(self.name, None)
        if active is not None:
            active.add(-1)
        last = ex.attempts[-1] if ex.attempts else None
        labels = self._labels
        route, consumer, asked = labels.route(ex), labels.consumer(ex), labels.asked(ex)
        cells = self._series.request(ex, last, route, consumer, asked)
        now = self.services.clock.monotonic()
        total_ms = (now - ex.received_s) * 1000
        upstream_s = 0.0
        for one in ex.attempts:
            upstream_s += (one.ended_s or now) - one.started_s
        upstream_ms = upstream_s * 1000
        own_ms = total_ms - upstream_ms
        cells.status.add(1)
        cells.total.observe(total_ms)
        cells.upstream.observe(upstream_ms)
        cells.gateway.observe(own_ms if own_ms > 0 else 0.0)
        if ex.admitted_s:
            self._record_stages(ex, own_ms)
        cells.ingress.add(len(ex.body) if ex.body is not None else _length(ex))
        cells.egress.add(ex.reply_bytes)
        if ex.protocol is not None and last is not None:
            self._record_model(ex, cells, total_ms)
        if ex.trace is not None and ex.trace.sampled:
            self._exemplify(ex, cells, total_ms)
        if ex.attempts:
            self._record_attempts(ex, route, consumer)
        if ex.error is not None:
            self._families.errors(route, getattr(ex.error, "code", "gateway_fault")).add(1)
        if ex.aborted:
            self._families.aborts(route).add(1)

    def _record_stages(self, ex: Exchange, own_ms: float) -> None:
        match, identify, read_body, admit, dispatch = self._families.stages
        match.observe(ex.matched_s - ex.received_s)
        identify.observe(ex.identified_s - ex.matched_s)
        read_body.observe(ex.read_s - ex.identified_s)
        admit.observe(ex.admitted_s - ex.read_s)
        dispatch.observe(max(0.0, own_ms / 1000 - (ex.admitted_s - ex.received_s)))

    def _exemplify(self, ex: Exchange, cells: RequestCells, total_ms: float) -> None:
        assert ex.trace is not None
        trace_id = f"{ex.trace.trace_id:032x}"
        cells.total.exemplify(total_ms, trace_id)
        if ex.status < 400:
            cells.llm_total.exemplify(total_ms, trace_id)
            if ex.first_reply_byte_s is not None:
                cells.first_token.exemplify((ex.first_reply_byte_s - ex.received_s) * 1000, trace_id)

    def _record_model(self, ex: Exchange, cells: RequestCells, total_ms: float) -> None:
        if ex.status < 400:
            cells.llm_total.observe(total_ms)
            if ex.first_reply_byte_s is not None:
                cells.first_token.observe((ex.first_reply_byte_s - ex.received_s) * 1000)
        usage = ex.usage
        if usage is not None:
            cells.prompt.add(usage.input_tokens)
            cells.completion.add(usage.output_tokens)
            cells.prompt_sizes.observe(usage.input_tokens)
            cells.completion_sizes.observe(usage.output_tokens)

    def _record_attempts(self, ex: Exchange, route: str, consumer: str) -> None:
        for attempt in ex.attempts:
            usage = attempt.usage
            if not attempt.model:
                continue
            if attempt.ended_s is not None and attempt.failure is None:
                took, first = self._series.target(attempt)
                took.observe(attempt.ended_s - attempt.started_s)
                if attempt.first_byte_s is not None:
                    first.observe(attempt.first_byte_s - attempt.started_s)
            if usage is None:
                continue
            cells = self._series.attempt(route, consumer, attempt)
            cells.cost.add(attempt.cost_nano * _NANO)
            if not attempt.price_known:
                cells.unpriced.add(1)
            read, wrote, cached, written, thought = cells.tokens
            read.add(usage.input_tokens)
            wrote.add(usage.output_tokens)
            if usage.cached_tokens:
                cached.add(usage.cached_tokens)
            if usage.cache_write_tokens or usage.cache_write_1h_tokens:
                written.add(usage.cache_write_tokens + usage.cache_write_1h_tokens)
            if usage.reasoning_tokens:
                thought.add(usage.reasoning_tokens)


def _length(ex: Exchange) -> int:
    text = ex.headers.get("content-length", "")
    return int(text) if text.isdecimal() and len(text) < 16 else 0
