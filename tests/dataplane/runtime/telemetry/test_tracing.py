"""A collector that is not there costs memory and time only up to a bound."""

import asyncio
import time

import pytest
from tollhouse.dataplane.records.trace import Collector, Measurement, SpanRecord
from tollhouse.dataplane.runtime.telemetry.otlp import Exporter
from tollhouse.dataplane.runtime.telemetry.tracing import CLOSE_S, SpanSinks

from tests.support.otlp_receiver import receiver
from tests.support.services import Number


def spans(count: int) -> list[SpanRecord]:
    return [SpanRecord("one", "server", 1, number + 1, 0, 0, 1, {}) for number in range(count)]


async def test_places_with_the_same_collector_share_a_sink_until_the_last_is_gone():
    """What waits when it closes still arrives."""
    async with receiver() as got:
        sinks = SpanSinks(lambda address: Number())
        collector = Collector(address=got.address, headers=(("x-key", "1"),))
        first, second = sinks.open(collector), sinks.open(collector)
        assert first is second
        await first.close()
        second.add(spans(3))
        await second.close()
        assert len(got.spans) == 3
        assert got.headers[0]["x-key"] == "1"
        assert sinks.open(collector) is not first


async def test_a_full_batch_goes_at_once():
    """Without waiting for the timer."""
    async with receiver() as got:
        sink = SpanSinks(lambda address: Number()).open(
            Collector(address=got.address, max_batch=2, batch_s=60, inactive_s=60)
        )
        sink.add(spans(4))
        await got.until(4)
        await sink.close()


async def test_a_dead_collector_drops_what_does_not_fit_and_does_not_hold_up_the_end():
    """Everything lost is counted."""
    dropped = Number()
    sink = SpanSinks(lambda address: dropped).open(
        Collector(address="127.0.0.1:1", timeout_s=1, max_queue=10, grow=False, inactive_s=60)
    )
    sink.add(spans(10))
    began = time.monotonic()
    sink.add(spans(5))
    assert dropped.value == 5
    await sink.close()
    assert time.monotonic() - began < CLOSE_S + 1
    await asyncio.sleep(0)
    assert dropped.value == 15


async def test_measurements_that_do_not_fit_are_counted(monkeypatch: pytest.MonkeyPatch):
    """As spans are; those that fit arrive, whatever became of the others."""
    monkeypatch.setattr("tollhouse.dataplane.runtime.telemetry.tracing.MOST_MEASUREMENTS", 3)
    dropped = Number()
    async with receiver() as got:
        sink = SpanSinks(lambda address: dropped).open(Collector(address=got.address, metrics=True))
        for _ in range(5):  # the thread adds up a quarter of a second later
            sink.measure(Measurement(1.0, None, [], 10, 5, 0, 0, 0, "", {"gen_ai.operation.name": "chat"}))
        assert dropped.value == 2
        await sink.close()
        [point] = got.metrics["gen_ai.client.operation.duration"].histogram.data_points
        assert point.count == 3


async def test_a_fault_of_the_exporter_counts_as_a_loss(monkeypatch: pytest.MonkeyPatch):
    """And the thread goes on."""

    def fault(self: Exporter, batch: list[SpanRecord]) -> bool:
        raise RuntimeError("x")

    dropped = Number()
    async with receiver() as got:
        sink = SpanSinks(lambda address: dropped).open(Collector(address=got.address, max_batch=2))
        monkeypatch.setattr(Exporter, "send", fault)
        sink.add(spans(2))
        async with asyncio.timeout(5):
            while dropped.value < 2:
                await asyncio.sleep(0.02)
        monkeypatch.undo()
        sink.add(spans(2))
        await got.until(2)
        await sink.close()
