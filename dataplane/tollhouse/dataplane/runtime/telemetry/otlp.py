"""Plain records as OpenTelemetry's SDK wants them, and its OTLP/HTTP exporters. Imported only where something is
traced: the SDK is an extra."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tollhouse.dataplane.records.trace import Collector, Measurement, SpanRecord

MISSING = (
    "opentelemetry: the OpenTelemetry SDK is not installed on this node; install the package with its extra: "
    "pip install 'tollhouse[otel]'"
)

DURATION_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68)
TOKENS = tuple(4**power for power in range(14))
"""The conventions' own buckets; durations go on to long generations."""


def endpoint(address: str, path: str) -> str:
    """The address spans or metrics are posted to. Raises ValueError."""
    whole = address if "://" in address else f"http://{address}"
    parts = urlsplit(whole)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"collector.address: expected host:port or http://host:port, came {address!r}")
    return f"{whole.rstrip('/')}{path}"


class Exporter:
    """Everything of the SDK for one collector. Used by one thread."""

    def __init__(self, collector: Collector) -> None:
        """Raises ValueError when the SDK is not there or the address is none."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        except ImportError:
            raise ValueError(MISSING) from None
        self._collector = collector
        self._resource = Resource(dict(collector.resource))
        self._scope = InstrumentationScope("tollhouse")
        self._exporter = OTLPSpanExporter(
            endpoint=endpoint(collector.address, "/v1/traces"),
            headers=dict(collector.headers),
            timeout=collector.timeout_s,
        )
        self._meters = _Meters(collector, self._resource) if collector.metrics else None

    def send(self, batch: list[SpanRecord]) -> bool:
        """Whether the collector took them."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        spans = [self._span(record) for record in batch]
        return bool(self._exporter.export(spans) is SpanExportResult.SUCCESS)

    def _span(self, record: SpanRecord) -> Any:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

        kept = TraceFlags(TraceFlags.SAMPLED)
        context = SpanContext(record.trace_id, record.span_id, is_remote=False, trace_flags=kept)
        parent = None
        if record.parent_id:
            parent = SpanContext(record.trace_id, record.parent_id, is_remote=record.kind == "server", trace_flags=kept)
        return ReadableSpan(
            record.name,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes=record.attributes,
            kind=SpanKind[record.kind.upper()],
            status=Status(StatusCode.ERROR, record.error) if record.error else Status(StatusCode.UNSET),
            start_time=record.start_ns,
            end_time=record.end_ns,
            instrumentation_scope=self._scope,
        )

    def record(self, measurement: Measurement) -> None:
        """Count in the metrics."""
        if self._meters is not None:
            self._meters.record(measurement)

    def send_metrics(self) -> bool:
        """Whether the collector took the metrics of now."""
        return self._meters is None or self._meters.send()

    def close(self) -> None:
        """Let go of the connections."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
        if self._meters is not None:
            self._meters.close()


class _Meters:
    """The ``gen_ai`` instruments under the classic names or the newest ones."""

    def __init__(self, collector: Collector, resource: Any) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        self._reader = InMemoryMetricReader()
        self._exporter = OTLPMetricExporter(
            endpoint=endpoint(collector.address, "/v1/metrics"),
            headers=dict(collector.headers),
            timeout=collector.timeout_s,
        )
        self._provider = MeterProvider([self._reader], resource=resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("tollhouse")
        self._newest = collector.newest
        stem = "gen_ai.client.inference" if collector.newest else "gen_ai.client.operation"
        duration = f"{stem}.duration"
        first = f"{stem}.time_to_first_chunk"
        bounds = list(DURATION_S)
        self._duration = meter.create_histogram(duration, "s", explicit_bucket_boundaries_advisory=bounds)
        self._first = meter.create_histogram(first, "s", explicit_bucket_boundaries_advisory=bounds)
        if collector.newest:
            names = ("input_tokens", "output_tokens", "cache_read.input_tokens", "cache_write.input_tokens")
            self._counters = [
                meter.create_counter(f"{stem}.usage.{name}", "{token}") for name in (*names, "reasoning.output_tokens")
            ]
        else:
            buckets = [float(bound) for bound in TOKENS]
            self._usage = meter.create_histogram(
                "gen_ai.client.token.usage", "{token}", explicit_bucket_boundaries_advisory=buckets
            )

    def record(self, one: Measurement) -> None:
        """Failed attempts count their tokens; durations are those of successful ones (the conventions)."""
        attributes = one.attributes
        if not one.failed:
            self._duration.record(one.duration_s, attributes)
            if one.first_chunk_s is not None:
                self._first.record(one.first_chunk_s, attributes)
        if self._newest:
            counts = (
                one.input_tokens, one.output_tokens, one.cached_tokens, one.cache_write_tokens, one.reasoning_tokens,
            )  # fmt: skip
            for counter, count in zip(self._counters, counts, strict=True):
                if count:
                    counter.add(count, attributes)
        elif not one.failed:
            self._usage.record(one.input_tokens, {**attributes, "gen_ai.token.type": "input"})
            self._usage.record(one.output_tokens, {**attributes, "gen_ai.token.type": "output"})

    def send(self) -> bool:
        """Whether the collector took them."""
        from opentelemetry.sdk.metrics.export import MetricExportResult

        data = self._reader.get_metrics_data()
        return data is None or bool(self._exporter.export(data) is MetricExportResult.SUCCESS)

    def close(self) -> None:
        """Let go."""
        self._exporter.shutdown()
        self._provider.shutdown()
