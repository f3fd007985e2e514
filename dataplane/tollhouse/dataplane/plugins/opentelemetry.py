"""Trace requests: one span per exchange and one per attempt, sent to an OpenTelemetry collector."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig, Secret
from tollhouse.dataplane.records.chunk_gaps import watch_gaps
from tollhouse.dataplane.records.log_format import LogFormat
from tollhouse.dataplane.records.redaction import configured_names, is_secret_name
from tollhouse.dataplane.records.span_records import measurements_of, spans_of
from tollhouse.dataplane.records.trace import Collector, new_context, read_traceparent
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply

_STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class RootOptions(BaseModel):
    """How roots of traces are chosen."""

    model_config = _STRICT

    fraction: float = Field(default=0, ge=0, le=1)
    """The part that is kept by ``trace_id_ratio``."""


class Root(BaseModel):
    """The sampler for requests that come without a trace."""

    model_config = _STRICT

    name: Literal["always_on", "always_off", "trace_id_ratio"] = "always_off"
    """Which one."""
    options: RootOptions = RootOptions()
    """Its numbers."""


class SamplerOptions(RootOptions):
    """What a sampler needs to know."""

    root: Root = Root()
    """What ``parent_base`` does with requests that come without a trace."""


class Sampler(BaseModel):
    """Which requests are traced; decided when they arrive."""

    model_config = _STRICT

    name: Literal["always_on", "always_off", "trace_id_ratio", "parent_base"] = "always_off"
    """Which one; ``parent_base`` does what the caller's ``traceparent`` says."""
    options: SamplerOptions = SamplerOptions()
    """Its numbers."""


class OpenTelemetryConfig(PluginConfig):
    """APISIX's schema, and what is kept beyond the sampler's choice."""

    sampler: Sampler = Sampler()
    """Which requests are traced."""
    additional_attributes: tuple[str, ...] = ()
    """Variables (without ``$``) whose values become attributes of the exchange's span."""
    additional_header_prefix_attributes: tuple[str, ...] = ()
    """Request headers that become attributes: a name, or the beginning of names with ``*`` at its end."""
    keep_errors: bool = True
    """Send the spans of requests answered with 500 or above whatever the sampler said."""
    keep_slower_than_ms: int = Field(default=0, ge=0)
    """Send the spans of requests that took longer than this whatever the sampler said; 0 does not."""


class CollectorConfig(BaseModel):
    """Where spans go."""

    model_config = _STRICT

    address: str = Field(default="127.0.0.1:4318", min_length=1)
    """``host:port`` of an OTLP/HTTP receiver, or an address with ``http://`` or ``https://``."""
    request_timeout: int = Field(default=3, ge=1)
    """Seconds a request to it may take."""
    request_headers: dict[str, Secret] = {}
    """Headers to send along, such as an API key."""


class BatchConfig(BaseModel):
    """How spans are gathered."""

    model_config = _STRICT

    drop_on_queue_full: bool = False
    """Drop at once what does not fit. When false, up to four times as many spans wait while they are being sent."""
    max_queue_size: int = Field(default=2048, ge=1)
    """Spans that wait at most."""
    batch_timeout: float = Field(default=5, gt=0)
    """The longest a span waits for others, in seconds."""
    inactive_timeout: float = Field(default=2, gt=0)
    """Seconds without a new span after which the waiting ones are sent."""
    max_export_batch_size: int = Field(default=256, ge=1)
    """Spans in one request."""


class OpenTelemetryMetadata(PluginConfig):
    """What holds for all places."""

    trace_id_source: Literal["random", "x-request-id"] = "random"
    """What a new trace is called: a random number, or the request's id where that has the form of one."""
    resource: dict[str, str | bool | int | float] = {}
    """Attributes of the node itself; ``service.name`` is ``tollhouse`` unless it stands here."""
    collector: CollectorConfig = CollectorConfig()
    """Where spans go."""
    batch_span_processor: BatchConfig = BatchConfig()
    """How spans are gathered."""
    conventions: Literal["classic", "latest"] = "classic"
    """Which names of OpenTelemetry's ``gen_ai`` conventions are used, where the newest ones differ."""
    metrics: bool = False
    """Send the ``gen_ai`` metrics too, of all requests in places with the plugin, sampled or not."""


class OpenTelemetry(Plugin[OpenTelemetryConfig]):
    """The decision is made when a request arrives and costs next to nothing where it is no."""

    name = "opentelemetry"
    stage = Stage.ACCEPT
    priority = 12009
    Config = OpenTelemetryConfig
    Metadata = OpenTelemetryMetadata
    prefer_route = True

    def __init__(
        self, config: OpenTelemetryConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        told = metadata if isinstance(metadata, OpenTelemetryMetadata) else OpenTelemetryMetadata()
        self._newest = told.conventions == "latest"
        self._metrics = told.metrics
        self.idle = frozenset() if told.metrics else frozenset({"reply"})
        self._watched = f"gaps between pieces {id(self)}"
        self._id_from_request = told.trace_id_source == "x-request-id"
        self._follows = config.sampler.name == "parent_base"
        own: Sampler | Root = config.sampler.options.root if self._follows else config.sampler
        fractions = {"always_on": 1.0, "trace_id_ratio": own.options.fraction}
        self._threshold = int(fractions.get(own.name, 0.0) * (1 << 63))
        self._slow_s = config.keep_slower_than_ms / 1000
        self._attributes = LogFormat({name: f"${name}" for name in config.additional_attributes})
        self._sink = services.open_spans(_collector(told, services)) if services.open_spans is not None else None

    def request(self, ex: Exchange) -> None:
        """Take up the caller's trace or begin one, and decide."""
        parent = read_traceparent(ex.headers.get("traceparent"))
        if self._follows and parent is not None:
            ex.trace = new_context(parent, parent[2])
            return
        trace_id = parent[0] if parent is not None else self._new_trace_id(ex)
        sampled = (trace_id >> 1) & ((1 << 63) - 1) < self._threshold
        ex.trace = new_context(parent, sampled, trace_id)

    def _new_trace_id(self, ex: Exchange) -> int:
        if self._id_from_request:
            text = (ex.headers.get("x-request-id") or ex.id).replace("-", "")
            if len(text) == 32:
                try:
                    return int(text, 16) or 1
                except ValueError:
                    pass  # somebody's own form of id: the trace gets a number instead
        return random.getrandbits(128) or 1

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Watch when the pieces of a stream pass."""
        if reply.stream is not None and ex.protocol is not None and ex.document is not None and ex.peek.stream:
            gaps_s: list[float] = []
            ex.state[self._watched] = gaps_s
            reply.stream = watch_gaps(reply.stream, gaps_s, self.services.clock.monotonic)

    def record(self, ex: Exchange) -> None:
        """Hand over the spans, when they are to be kept."""
        trace, sink = ex.trace, self._sink
        if trace is None or sink is None:
            return
        now = self.services.clock.monotonic()
        slow = self._slow_s and now - ex.received_s > self._slow_s
        if trace.sampled or slow or (ex.status >= 500 and self.config.keep_errors):
            spans = spans_of(ex, trace, now, newest=self._newest)
            self._add_asked(ex, spans[0].attributes)
            sink.add(spans)
        if self._metrics and ex.protocol is not None:
            for measurement in measurements_of(ex, now, ex.state.get(self._watched) or []):
                sink.measure(measurement)

    def _add_asked(self, ex: Exchange, told: dict[str, Any]) -> None:
        for name, value in self._attributes(ex).items():
            told[name] = value if isinstance(value, str | int | float | bool) else str(value)
        if self.config.additional_header_prefix_attributes:
            _add_headers(ex, self.config.additional_header_prefix_attributes, told)

    async def close(self) -> None:
        """Send what still waits, unless another place uses the same collector."""
        if self._sink is not None:
            await self._sink.close()


def _collector(told: OpenTelemetryMetadata, services: Services) -> Collector:
    reveal = services.secrets.reveal
    batch = told.batch_span_processor
    resource = {"service.name": "tollhouse", "service.instance.id": services.node_id, "host.name": services.hostname}
    return Collector(
        address=told.collector.address,
        timeout_s=told.collector.request_timeout,
        headers=tuple(sorted((name, reveal(value)) for name, value in told.collector.request_headers.items())),
        resource=tuple(sorted({**resource, **told.resource}.items())),
        max_queue=batch.max_queue_size,
        grow=not batch.drop_on_queue_full,
        max_batch=batch.max_export_batch_size,
        batch_s=batch.batch_timeout,
        inactive_s=batch.inactive_timeout,
        metrics=told.metrics,
        newest=told.conventions == "latest",
    )


def _add_headers(ex: Exchange, patterns: tuple[str, ...], told: dict[str, Any]) -> None:
    known = configured_names(ex.pipeline)
    for name, value in ex.headers.items():
        lowered = name.lower()
        if is_secret_name(lowered) or lowered in known:
            continue
        if any(lowered.startswith(one[:-1]) if one.endswith("*") else lowered == one for one in patterns):
            told[f"http.request.header.{lowered}"] = value
