"""Plain records as OpenTelemetry's SDK wants them, and its OTLP/HTTP exporters. Imported only where something is
traced: the SDK is an extra."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tollhouse.dataplane.records.trace import Collector, Measurement, SpanRecord
from tollhouse.dataplane.runtime.telemetry.meters import Meters

MISSING = (
    "opentelemetry: the OpenTelemetry SDK is not installed on this node; install the package with its extra: "
    "pip install 'tollhouse[otel]'"
)


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
        self._meters: Meters | None = None
        if collector.metrics:
            self._meters = Meters(collector, endpoint(collector.address, "/v1/metrics"), self._resource)

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
