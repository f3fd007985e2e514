"""A process's numbers, and a node's sums of them in Prometheus' format."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tollhouse.dataplane.runtime.link.messages import Family, MetricsReport
from tollhouse.dataplane.runtime.telemetry.exposition import NodeTotals, add_up, render, render_openmetrics
from tollhouse.dataplane.runtime.telemetry.metrics import PlainMetrics


def counted() -> PlainMetrics:
    metrics = PlainMetrics()
    metrics.counter("requests_total", 'What "came"\nin.', ("route", "code"))('a"b\\c\nd', "200").add(3)
    metrics.gauge("open", "Open.", ())().set(2.5)
    latency = metrics.histogram("latency", "Milliseconds.", ("route",), (1, 10, 100))("a")
    for value in (0.5, 1, 5, 5000):
        latency.observe(value)
    return metrics


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def test_the_text_reads_back_as_what_was_counted():
    read = samples(await counted().exposition())
    assert read[("requests_total", (("code", "200"), ("route", 'a"b\\c\nd')))] == 3
    assert read[("open", ())] == 2.5
    assert read[("latency_bucket", (("le", "1"), ("route", "a")))] == 2
    assert read[("latency_bucket", (("le", "10"), ("route", "a")))] == 3
    assert read[("latency_bucket", (("le", "+Inf"), ("route", "a")))] == 4
    assert read[("latency_count", (("route", "a"),))] == 4
    assert read[("latency_sum", (("route", "a"),))] == 5006.5


def test_promtool_takes_the_text():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=render(counted().families()), capture_output=True, check=False
    )
    # 3 means style remarks only: APISIX's names do not follow Prometheus' advice.
    assert done.returncode in (0, 3), done.stderr.decode()
    assert b"error while linting" not in done.stderr


def test_many_values_at_once_count_as_one_by_one():
    """Bounds are inclusive, as Prometheus has them; read in between or not."""
    values = [0, 1, 1.5, 2, 2, 2.5, 3, 3.0001, 7, *(number / 7 for number in range(40))]
    bounds = (1.0, 2.0, 3.0)
    counts = [sum(low < value <= high for value in values) for low, high in zip((-1, 1, 2), bounds, strict=True)]
    counts.append(sum(value > 3 for value in values))
    for step in (1, 2, 5, len(values)):
        metrics = PlainMetrics()
        series = metrics.histogram("h", "H.", (), bounds)()
        for start in range(0, len(values), step):
            for value in values[start : start + step]:
                series.observe(value)
            metrics.families()
        [family] = metrics.families()
        assert family.series[0].counts == tuple(counts)
        assert family.series[0].value == pytest.approx(sum(values))


async def test_values_are_folded_though_nobody_reads_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tollhouse.dataplane.runtime.telemetry.metrics.FOLD_S", 0.001)
    metrics = PlainMetrics()
    series = metrics.histogram("h", "H.", (), (1.0,))()
    keeping = asyncio.create_task(metrics.keep())
    series.observe(0.5)
    while series.counts != [1, 0]:
        await asyncio.sleep(0.001)
    keeping.cancel()


def test_a_family_past_its_bound_folds_into_other():
    metrics = PlainMetrics(most_series=3)
    family = metrics.counter("c_total", "C.", ("model",))
    for number in range(10):
        family(f"model-{number}").add()
    told = {series.labels: series.value for series in metrics.families()[0].series}
    assert told == {("model-0",): 1, ("model-1",): 1, ("model-2",): 1, ("other",): 7}
    assert family("model-0") is family("model-0")


def test_long_label_values_are_cut():
    metrics = PlainMetrics()
    metrics.counter("c_total", "C.", ("model",))("x" * 5000).add()
    assert len(metrics.families()[0].series[0].labels[0]) == 128


def test_declaring_a_family_again_gives_the_same_and_with_other_labels_is_an_error():
    metrics = PlainMetrics()
    assert metrics.counter("c_total", "C.", ("a",)) is metrics.counter("c_total", "C.", ("a",))
    with pytest.raises(ValueError, match="declared with labels"):
        metrics.counter("c_total", "C.", ("b",))
    with pytest.raises(ValueError, match="expected values for"):
        metrics.counter("c_total", "C.", ("a",))("1", "2")


def test_totals_never_go_backward_when_a_worker_dies_and_gauges_go_with_it():
    totals = NodeTotals()
    first, second = counted(), counted()
    totals.report(1, first.families())
    totals.report(2, second.families())
    before = samples(render(totals.families()))
    totals.retire(1)
    totals.report(3, PlainMetrics().families())
    after = samples(render(totals.families()))
    for name, value in before.items():
        if name[0] != "open":
            assert after[name] == value
    assert (before[("open", ())], after[("open", ())]) == (5.0, 2.5)
    totals.retire(3)
    totals.retire(99)


def test_a_family_whose_buckets_changed_does_not_spoil_the_sum():
    old = [Family("h", "H.", "histogram", (), (1.0,), [])]
    metrics = PlainMetrics()
    metrics.histogram("h", "H.", (), (1, 2))().observe(1.5)
    assert add_up([old, metrics.families()])[0].bounds == (1.0, 2.0)


def test_a_report_survives_the_link():
    report = MetricsReport(counted().families())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(report), type=MetricsReport) == report


def test_examples_of_buckets_are_shown_in_openmetrics_only():
    """The newest of all workers; a parser of that format takes the whole."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as read

    made = [PlainMetrics() for _ in range(2)]
    for number, one in enumerate(made):
        latency = one.histogram("took_seconds", "How long.", ("route",), (1.0, 2.0))("r")
        latency.observe(0.5)
        latency.observe(1.5)
        latency.exemplify(1.5, f"{number:032x}")
        one.counter("seen_total", 'With "quotes".', ())().add()
        one.counter("apisix_http_status", "No suffix.", ("code",))("200").add()
    families = add_up([one.families() for one in made])
    assert b"trace_id" not in render(families)
    text = render_openmetrics(families).decode()
    told = {family.name: family for family in read(text)}
    assert (told["seen"].type, told["apisix_http_status"].type) == ("counter", "unknown")
    shown = [sample.exemplar for sample in told["took_seconds"].samples if sample.exemplar]
    assert [(one.labels["trace_id"], one.value) for one in shown] == [(f"{1:032x}", 1.5)]
