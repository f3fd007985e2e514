"""Count requests, tokens, cost, errors and latencies, and show them in Prometheus' format."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from pydantic import Field
from tollhouse.dataplane.counting import fingerprint
from tollhouse.dataplane.exchange import Attempt, Exchange
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Cell, Distribution, Services
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.variables import reader

DEFAULT_URI = "/apisix/prometheus/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LATENCY_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5)
"""Up to ten minutes: long generations are the rule here, not the exception."""
TOKENS = (1, 10, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6)

ATTEMPT_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
STAGE_S = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30)
"""The gateway's own work is counted in microseconds; waiting for a slow body or a far authority is not."""

MOST_CALLER_WORDS = 200
"""Distinct values of labels that callers write (model names, fingerprints) before further ones are ``other``."""

MOST_CACHED = 10_000

_NANO = 1e-9
_request_type = reader("request_type")

_LABELS = ("route", "service", "consumer", "node", "request_type", "request_llm_model", "llm_model")
_LLM_LABELS = ("route_id", "service_id", "consumer", "node", "request_type", "request_llm_model", "llm_model")
_STATUS_LABELS = (
    "code",
    "route",
    "matched_uri",
    "matched_host",
    "service",
    "consumer",
    "node",
    "request_type",
    "request_llm_model",
    "llm_model",
    "response_source",
)
_ACTIVE_LABELS: tuple[str, ...] = (
    "route",
    "route_id",
    "matched_uri",
    "matched_host",
    "service",
    "service_id",
    "consumer",
    "node",
)
_ACTIVE_LABELS += ("request_type", "request_llm_model", "llm_model")
_SPENDER = ("route", "consumer", "node", "provider", "llm_model")
_TARGET = ("node", "provider", "llm_model")
PROTECTED = frozenset({"code", "type"})
"""Labels without which a metric means nothing."""


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


class _Cells(NamedTuple):
    """The series in which requests of one kind count; looked up once, then kept."""

    status: Cell
    total: Distribution
    upstream: Distribution
    gateway: Distribution
    ingress: Cell
    egress: Cell
    llm_total: Distribution
    first_token: Distribution
    prompt: Cell
    completion: Cell
    prompt_sizes: Distribution
    completion_sizes: Distribution


class _AttemptCells(NamedTuple):
    """The series of what attempts on one target consumed. (How many there were and how they ended is counted where
    they are made, with or without this plugin.)"""

    cost: Cell
    unpriced: Cell
    tokens: tuple[Cell, Cell, Cell, Cell, Cell]
    """Input, output, cached, written to the cache, reasoning."""


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
        self._off = frozenset(self._told.disabled_labels) - PROTECTED
        self._cells: dict[tuple[Any, ...], _Cells] = {}
        self._attempt_cells: dict[tuple[Any, ...], _AttemptCells] = {}
        self._active_cells: dict[tuple[Any, ...], Cell] = {}
        self._words: dict[str, str] = {}
        self._declare()

    def _declare(self) -> None:
        counter, histogram = self._counter, self._histogram
        self._status = counter("apisix_http_status", "Requests by status.", _STATUS_LABELS)
        self._latency = histogram(
            "apisix_http_latency", "Milliseconds per request: all, upstream, gateway.", ("type", *_LABELS), LATENCY_MS
        )
        self._bandwidth = counter("apisix_bandwidth", "Bytes of bodies in and out.", ("type", *_LABELS))
        self._llm_latency = histogram(
            "apisix_llm_latency", "Milliseconds to the first token and to the last.", ("type", *_LLM_LABELS), LATENCY_MS
        )
        self._prompt = counter("apisix_llm_prompt_tokens", "Tokens read by models.", _LLM_LABELS)
        self._completion = counter("apisix_llm_completion_tokens", "Tokens written by models.", _LLM_LABELS)
        self._prompt_sizes = histogram("apisix_llm_prompt_tokens_dist", "Tokens read per request.", _LLM_LABELS, TOKENS)
        self._completion_sizes = histogram(
            "apisix_llm_completion_tokens_dist", "Tokens written per request.", _LLM_LABELS, TOKENS
        )
        self._active = self._labelled(
            self.services.metrics.gauge,
            "apisix_llm_active_connections",
            "Model requests being answered right now.",
            _ACTIVE_LABELS,
        )
        self._cost = counter("tollhouse_llm_cost_usd_total", "What models cost, in US dollars.", _SPENDER)
        self._tokens = counter("tollhouse_llm_tokens_total", "Tokens by kind, all attempts.", ("type", *_SPENDER))
        self._unpriced = counter(
            "tollhouse_llm_unpriced_total", "Attempts whose price is not known.", ("provider", "llm_model")
        )
        self._took = histogram("tollhouse_attempt_seconds", "Seconds a try on a target took.", _TARGET, ATTEMPT_S)
        self._first = histogram(
            "tollhouse_attempt_first_byte_seconds", "Seconds until a target's first byte.", _TARGET, ATTEMPT_S
        )
        stage = histogram(
            "tollhouse_stage_seconds",
            "Seconds the gateway itself spent: finding the route, knowing the caller, reading the body, admitting "
            "(rates, budgets, guards), and dispatching (all the rest but the targets' time).",
            ("stage",),
            STAGE_S,
        )
        self._stages = [stage(name) for name in ("match", "identify", "read_body", "admit", "dispatch")]
        self._errors = counter("tollhouse_errors_total", "Error answers by code.", ("route", "code"))
        self._aborts = counter("tollhouse_client_aborts_total", "Clients that left before the end.", ("route",))

    def endpoints(self) -> dict[str, Callable[[Exchange], Awaitable[Reply]]]:
        """The export path."""
        return {self._told.export_uri: self._export}

    async def _export(self, ex: Exchange) -> Reply:
        return Reply(200, [("content-type", CONTENT_TYPE)], await self.services.metrics.exposition())

    # -- one request

    def request(self, ex: Exchange) -> None:
        """A model request is active from here to its record."""
        if ex.protocol is not None:
            cell = ex.state[self.name] = self._active_cell(ex)
            cell.add(1)

    def record(self, ex: Exchange) -> None:
        """Count it."""
        active: Cell | None = ex.state.pop(self.name, None)
        if active is not None:
            active.add(-1)
        last = ex.attempts[-1] if ex.attempts else None
        route, consumer, asked = self._route(ex), self._consumer(ex), self._asked(ex)
        cells = self._cells_of(ex, last, route, consumer, asked)
        now = self.services.clock.monotonic()
        total_ms = (now - ex.received_s) * 1000
        upstream_ms = sum((one.ended_s or now) - one.started_s for one in ex.attempts) * 1000
        cells.status.add(1)
        trace_id = f"{ex.trace.trace_id:032x}" if ex.trace is not None and ex.trace.sampled else ""
        cells.total.observe(total_ms, trace_id)
        cells.upstream.observe(upstream_ms)
        cells.gateway.observe(max(0.0, total_ms - upstream_ms))
        if ex.admitted_s:
            self._record_stages(ex, total_ms - upstream_ms)
        cells.ingress.add(len(ex.body) if ex.body is not None else _length(ex))
        cells.egress.add(ex.reply_bytes)
        if ex.protocol is not None and last is not None:
            self._record_model(ex, cells, total_ms, trace_id)
        if ex.attempts:
            self._record_attempts(ex, route, consumer)
        if ex.error is not None:
            self._errors(route, getattr(ex.error, "code", "gateway_fault")).add(1)
        if ex.aborted:
            self._aborts(route).add(1)

    def _record_stages(self, ex: Exchange, own_ms: float) -> None:
        match, identify, read_body, admit, dispatch = self._stages
        match.observe(ex.matched_s - ex.received_s)
        identify.observe(ex.identified_s - ex.matched_s)
        read_body.observe(ex.read_s - ex.identified_s)
        admit.observe(ex.admitted_s - ex.read_s)
        dispatch.observe(max(0.0, own_ms / 1000 - (ex.admitted_s - ex.received_s)))

    def _record_model(self, ex: Exchange, cells: _Cells, total_ms: float, trace_id: str) -> None:
        if ex.status < 400:
            cells.llm_total.observe(total_ms, trace_id)
            if ex.first_reply_byte_s is not None:
                cells.first_token.observe((ex.first_reply_byte_s - ex.received_s) * 1000, trace_id)
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
                target = (attempt.target, attempt.provider, attempt.model)
                self._took(*target).observe(attempt.ended_s - attempt.started_s)
                if attempt.first_byte_s is not None:
                    self._first(*target).observe(attempt.first_byte_s - attempt.started_s)
            if usage is None:
                continue
            cells = self._attempt_cells_of(route, consumer, attempt)
            cells.cost.add(attempt.cost_nano * _NANO)
            if not attempt.price_known:
                cells.unpriced.add(1)
            read, wrote, cached, written, thought = cells.tokens
            read.add(usage.input_tokens)
            wrote.add(usage.output_tokens)
            cached.add(usage.cached_tokens)
            written.add(usage.cache_write_tokens + usage.cache_write_1h_tokens)
            thought.add(usage.reasoning_tokens)

    # -- labels

    def _route(self, ex: Exchange) -> str:
        route = ex.route
        if route is None:
            return ""
        return route.name if self.config.prefer_name and route.name else route.id

    def _service(self, ex: Exchange) -> str:
        route = ex.route
        if route is None:
            return ""
        return route.service_name if self.config.prefer_name and route.service_name else route.service_id

    def _consumer(self, ex: Exchange) -> str:
        if ex.consumer_name or not self.config.fingerprint_callers or ex.error is not None or ex.protocol is None:
            return ex.consumer_name
        return self._word(fingerprint(ex.headers))

    def _asked(self, ex: Exchange) -> str:
        model = ex.document.get("model") if ex.document is not None else None
        return self._word(model) if isinstance(model, str) else ""

    def _word(self, text: str) -> str:
        """A word of the caller's, as long as there are not too many."""
        known = self._words.get(text)
        if known is None:
            if len(self._words) >= MOST_CALLER_WORDS:
                return "other"
            known = self._words[text] = text[:128]
        return known

    def _active_cell(self, ex: Exchange) -> Cell:
        route = ex.route
        where = (id(route), self._route(ex), ex.host)
        key = (where, self._consumer(ex), str(_request_type(ex)), self._asked(ex))
        cell = self._active_cells.get(key)
        if cell is None:
            _, consumer, kind, asked = key
            identity, service_id = (route.id, route.service_id) if route is not None else ("", "")
            uri = route.matched_uri if route is not None else ""
            names = (self._route(ex), identity, uri, _host(ex), self._service(ex), service_id)
            cell = self._active(*names, consumer, "", kind, asked, "")
            if len(self._active_cells) >= MOST_CACHED:
                self._active_cells.clear()
            self._active_cells[key] = cell
        return cell

    def _cells_of(self, ex: Exchange, last: Attempt | None, route: str, consumer: str, asked: str) -> _Cells:
        node, model = (last.target, last.model) if last is not None else ("", "")
        source = "upstream" if last is not None and ex.error is None else "apisix"
        kind, host, status = str(_request_type(ex)), _host(ex), ex.status
        key = (route, consumer, node, model, asked, kind, host, status, source, id(ex.route))
        cells = self._cells.get(key)
        if cells is None:
            if len(self._cells) >= MOST_CACHED:
                self._cells.clear()
            common = (route, self._service(ex), consumer, node, kind, asked, model)
            identity, service_id = (ex.route.id, ex.route.service_id) if ex.route is not None else ("", "")
            llm = (identity, service_id, consumer, node, kind, asked, model)
            uri = ex.route.matched_uri if ex.route is not None else ""
            cells = self._cells[key] = _Cells(
                self._status(str(status), route, uri, host, common[1], consumer, node, kind, asked, model, source),
                self._latency("request", *common),
                self._latency("upstream", *common),
                self._latency("apisix", *common),
                self._bandwidth("ingress", *common),
                self._bandwidth("egress", *common),
                *self._model_cells(llm if ex.protocol is not None and last is not None else None),
            )
        return cells

    def _model_cells(self, llm: tuple[str, ...] | None) -> tuple[Any, ...]:
        """Series of model requests; others must not make empty ones."""
        if llm is None:
            return (_NOTHING,) * 6
        return (
            self._llm_latency("total", *llm),
            self._llm_latency("ttft", *llm),
            self._prompt(*llm),
            self._completion(*llm),
            self._prompt_sizes(*llm),
            self._completion_sizes(*llm),
        )

    def _attempt_cells_of(self, route: str, consumer: str, attempt: Attempt) -> _AttemptCells:
        key = (route, consumer, attempt.target, attempt.provider, attempt.model, attempt.price_known)
        cells = self._attempt_cells.get(key)
        if cells is None:
            if len(self._attempt_cells) >= MOST_CACHED:
                self._attempt_cells.clear()
            spender = (route, consumer, attempt.target, attempt.provider, attempt.model)
            cells = self._attempt_cells[key] = _AttemptCells(
                self._cost(*spender),
                _NOTHING if attempt.price_known else self._unpriced(attempt.provider, attempt.model),
                (
                    self._tokens("input", *spender),
                    self._tokens("output", *spender),
                    self._tokens("cached", *spender),
                    self._tokens("cache_write", *spender),
                    self._tokens("reasoning", *spender),
                ),
            )
        return cells

    # -- families

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Callable[..., Cell]:
        family: Callable[..., Cell] = self._labelled(self.services.metrics.counter, name, text, labels)
        return family

    def _histogram(
        self, name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Callable[..., Distribution]:
        family: Callable[..., Distribution] = self._labelled(
            self.services.metrics.histogram, name, text, labels, buckets
        )
        return family

    def _labelled(self, declare: Callable[..., Any], name: str, text: str, labels: tuple[str, ...], *more: Any) -> Any:
        """A family whose switched-off labels stay empty."""
        family = declare(name, text, labels, *more)
        off = [label in self._off for label in labels]
        if not any(off):
            return family
        return lambda *values: family(*("" if hide else value for value, hide in zip(values, off, strict=True)))


class _Nothing(Cell, Distribution):
    """Counts nothing, where a series would stay empty for ever."""

    def add(self, amount: float = 1) -> None:
        """Nothing."""

    def set(self, value: float) -> None:
        """Nothing."""

    def observe(self, value: float, trace_id: str = "") -> None:
        """Nothing."""


_NOTHING = _Nothing()


def _length(ex: Exchange) -> int:
    text = ex.headers.get("content-length", "")
    return int(text) if text.isdecimal() and len(text) < 16 else 0


def _host(ex: Exchange) -> str:
    """The host pattern the route matched by; a client's free word where the route takes any host."""
    if ex.route is None:
        return ""
    resource = ex.route.resource
    hosts = [resource.host] if getattr(resource, "host", None) else getattr(resource, "hosts", None) or ()
    if ex.host in hosts:
        return ex.host
    return next((one for one in hosts if one.startswith("*") and ex.host.endswith(one[1:])), "")
