"""Sends spans and ``gen_ai`` metrics to OpenTelemetry collectors over HTTP, from a thread of its own.

The worker's loop only puts plain records into a queue; everything the SDK does happens in the thread.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from tollhouse.dataplane.records.trace import Collector, Measurement, SpanRecord, SpanSink
from tollhouse.dataplane.runtime.telemetry.otlp import Exporter
from tollhouse.dataplane.services import Cell

log = logging.getLogger("tollhouse.tracing")

CLOSE_S = 2.0
"""The longest a worker waits at its end for spans to get through."""

METRICS_EVERY_S = 10.0
MOST_MEASUREMENTS = 10_000
"""Attempts that wait at most until the thread has added them up, which it does four times a second."""


class OtlpSink(SpanSink):
    """One collector's queue and thread; shared by all places that name the same collector."""

    def __init__(self, collector: Collector, dropped: Cell, gone: Callable[[], None]) -> None:
        """Raises ValueError when the SDK is not installed."""
        self._collector = collector
        self._exporter = Exporter(collector)
        self._dropped = dropped
        self._gone = gone
        self.users = 1
        self._spans: deque[SpanRecord] = deque()
        self._measurements: deque[Measurement] = deque()
        self._most = collector.max_queue * (4 if collector.grow else 1)
        self._first_s = self._last_s = 0.0
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self._thread.start()

    def add(self, spans: list[SpanRecord]) -> None:
        """See the port."""
        queue = self._spans
        if len(queue) + len(spans) > self._most:
            self._dropped.add(len(spans))
            return
        self._last_s = time.monotonic()
        if not queue:
            self._first_s = self._last_s
        queue.extend(spans)
        if len(queue) >= self._collector.max_batch:
            self._wake.set()

    def measure(self, measurement: Measurement) -> None:
        """See the port."""
        if len(self._measurements) >= MOST_MEASUREMENTS:
            self._dropped.add(1)
            return
        self._measurements.append(measurement)

    async def close(self) -> None:
        """Send what waits, once the last place that uses the collector is gone."""
        self.users -= 1
        if self.users > 0:
            return
        self._gone()
        self._closing = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join, CLOSE_S)
        left = len(self._spans)
        if left:
            self._dropped.add(left)
            log.warning("spans lost at the end", extra={"collector": self._collector.address, "spans": left})

    # -- the thread

    def _run(self) -> None:
        next_metrics_s = time.monotonic() + METRICS_EVERY_S
        while not self._closing:
            self._wake.wait(0.25)
            self._wake.clear()
            now = time.monotonic()
            try:
                self._record()
                self._send(now)
                if self._collector.metrics and now >= next_metrics_s:
                    next_metrics_s = now + METRICS_EVERY_S
                    self._send_metrics()
            except Exception:
                log.exception("spans not sent", extra={"collector": self._collector.address})
        self._end()

    def _send(self, now: float) -> None:
        config = self._collector
        while len(self._spans) >= config.max_batch and not self._closing:
            self._send_batch()
        if self._spans and (now - self._first_s >= config.batch_s or now - self._last_s >= config.inactive_s):
            self._send_batch()

    def _send_batch(self) -> None:
        batch = [self._spans.popleft() for _ in range(min(len(self._spans), self._collector.max_batch))]
        self._first_s = time.monotonic()
        taken = False
        try:
            taken = self._exporter.send(batch)
        finally:
            if not taken:
                self._dropped.add(len(batch))
        if not taken:
            log.warning("spans not taken", extra={"collector": self._collector.address, "spans": len(batch)})

    def _record(self) -> None:
        while self._measurements:
            self._exporter.record(self._measurements.popleft())

    def _send_metrics(self) -> None:
        self._record()
        if not self._exporter.send_metrics():
            log.warning("metrics not taken", extra={"collector": self._collector.address})

    def _end(self) -> None:
        deadline = time.monotonic() + CLOSE_S
        try:
            while self._spans and time.monotonic() < deadline:
                self._send_batch()
            if self._collector.metrics and time.monotonic() < deadline:
                self._send_metrics()
        finally:
            self._exporter.close()


class SpanSinks:
    """The sinks of one worker, by collector."""

    def __init__(self, dropped: Callable[[str], Cell]) -> None:
        self._dropped = dropped
        self._sinks: dict[Collector, OtlpSink] = {}

    def open(self, collector: Collector) -> SpanSink:
        """See ``Services.open_spans``."""
        sink = self._sinks.get(collector)
        if sink is not None:
            sink.users += 1
            return sink
        made = OtlpSink(collector, self._dropped(collector.address), lambda: self._forget(collector))
        self._sinks[collector] = made
        return made

    def _forget(self, collector: Collector) -> None:
        self._sinks.pop(collector, None)
