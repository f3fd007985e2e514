"""The ``gen_ai`` metrics under the classic names or the newest ones. Imported only where something is traced: the SDK
is an extra."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.records.trace import Collector, Measurement

DURATION_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68)
TOKENS = tuple(4**power for power in range(14))
"""The conventions' own buckets; durations go on to long generations."""

_USAGE = ("input_tokens", "output_tokens", "cache_read.input_tokens", "cache_write.input_tokens")


class Meters:
    """All instruments for one collector. Used by one thread."""

    def __init__(self, collector: Collector, endpoint: str, resource: Any) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        self._reader = InMemoryMetricReader()
        self._exporter = OTLPMetricExporter(
            endpoint=endpoint, headers=dict(collector.headers), timeout=collector.timeout_s
        )
        self._provider = MeterProvider([self._reader], resource=resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("tollhouse")
        self._classic = _Classic(meter)
        self._inference = _Newest(meter) if collector.newest else self._classic

    def record(self, one: Measurement) -> None:
        """Count one attempt. The newest names are those of inference; embeddings keep the classic ones."""
        embeds = one.attributes["gen_ai.operation.name"] == "embeddings"
        (self._classic if embeds else self._inference).record(one)

    def send(self) -> bool:
        """Whether the collector took them."""
        from opentelemetry.sdk.metrics.export import MetricExportResult

        data = self._reader.get_metrics_data()
        return data is None or bool(self._exporter.export(data) is MetricExportResult.SUCCESS)

    def close(self) -> None:
        """Let go."""
        self._exporter.shutdown()
        self._provider.shutdown()


class _Times:
    """What both sets have, under names of their own: how long calls took, and their chunks."""

    def __init__(self, meter: Any, stem: str) -> None:
        bounds = list(DURATION_S)

        def histogram(name: str) -> Any:
            return meter.create_histogram(f"{stem}.{name}", "s", explicit_bucket_boundaries_advisory=bounds)

        self._duration = histogram("duration")
        self._first = histogram("time_to_first_chunk")
        self._per_chunk = histogram("time_per_output_chunk")

    def record(self, one: Measurement) -> None:
        """Failed calls have a duration, and no chunks."""
        self._duration.record(one.duration_s, _with_error(one))
        if one.failed:
            return
        if one.first_chunk_s is not None:
            self._first.record(one.first_chunk_s, one.attributes)
        for gap_s in one.chunk_gaps_s:
            self._per_chunk.record(gap_s, one.attributes)


class _Classic:
    """``gen_ai.client.operation.*`` and ``gen_ai.client.token.usage``."""

    def __init__(self, meter: Any) -> None:
        self._times = _Times(meter, "gen_ai.client.operation")
        self._usage = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", explicit_bucket_boundaries_advisory=_token_bounds()
        )

    def record(self, one: Measurement) -> None:
        """Tokens are those of calls that succeeded."""
        self._times.record(one)
        if not one.failed:
            self._usage.record(one.input_tokens, {**one.attributes, "gen_ai.token.type": "input"})
            self._usage.record(one.output_tokens, {**one.attributes, "gen_ai.token.type": "output"})


class _Newest:
    """``gen_ai.client.inference.*``: counters of tokens, and their distribution over calls."""

    def __init__(self, meter: Any) -> None:
        stem = "gen_ai.client.inference"
        self._times = _Times(meter, stem)
        names = (*_USAGE, "reasoning.output_tokens")
        self._counters = [meter.create_counter(f"{stem}.usage.{name}", "{token}") for name in names]
        self._per_call = [
            meter.create_histogram(
                f"{stem}.operation.{name}", "{token}", explicit_bucket_boundaries_advisory=_token_bounds()
            )
            for name in ("input_tokens", "output_tokens")
        ]

    def record(self, one: Measurement) -> None:
        """Failed calls count too, with what they used. What of the tokens is text or sound is not told apart."""
        self._times.record(one)
        counts = (one.input_tokens, one.output_tokens, one.cached_tokens, one.cache_write_tokens, one.reasoning_tokens)
        attributes = {**one.attributes, "gen_ai.token.modality": "unknown"}
        for number, (counter, count) in enumerate(zip(self._counters, counts, strict=True)):
            if count or number < len(self._per_call):
                counter.add(count, attributes)
        attributes = _with_error(one)
        for histogram, count in zip(self._per_call, counts, strict=False):
            histogram.record(count, attributes)


def _with_error(one: Measurement) -> dict[str, str]:
    return {**one.attributes, "error.type": one.error} if one.error else one.attributes


def _token_bounds() -> list[float]:
    return [float(bound) for bound in TOKENS]
