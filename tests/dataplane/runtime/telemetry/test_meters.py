"""Metrics have the names, units, buckets and attributes of the conventions they are sent under."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.records.trace import Collector, Measurement
from tollhouse.dataplane.runtime.telemetry.meters import DURATION_S, TOKENS
from tollhouse.dataplane.runtime.telemetry.tracing import SpanSinks

from tests.support.otlp_receiver import plain, receiver
from tests.support.services import Number

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m"}
ANSWERED = Measurement(2.0, 0.5, [0.1, 0.2, 0.3], 100, 20, 40, 8, 5, "", CHAT)
FAILED = Measurement(1.0, None, [], 0, 0, 0, 0, 0, "overloaded", CHAT)
EMBEDDED = Measurement(0.2, None, [], 7, 0, 0, 0, 0, "", {**CHAT, "gen_ai.operation.name": "embeddings"})


async def told(newest: bool) -> dict[str, Any]:
    """What a collector has after an answer, a failure and an embedding: points by metric and what is special in their
    attributes."""
    async with receiver() as got:
        sink = SpanSinks(lambda address: Number()).open(Collector(address=got.address, metrics=True, newest=newest))
        for one in (ANSWERED, FAILED, EMBEDDED):
            sink.measure(one)
        await sink.close()
        points = {}
        for name, metric in got.metrics.items():
            data = getattr(metric, metric.WhichOneof("data"))
            for point in data.data_points:
                attributes = plain(point.attributes)
                special = [
                    attributes.get(key, "") for key in ("error.type", "gen_ai.token.type", "gen_ai.token.modality")
                ]
                kind = attributes["gen_ai.operation.name"]
                points[" ".join([name.removeprefix("gen_ai.client."), kind, *filter(None, special)])] = point
        return points


def value(point: Any) -> tuple[int, float]:
    """How many, and their sum."""
    return point.count, round(point.sum, 6)


@pytest.mark.parametrize(("newest", "stem"), [(False, "operation"), (True, "inference")])
async def test_times(newest: bool, stem: str):
    """The first piece and those after it are told of streams that succeeded, durations of everything."""
    points = await told(newest)
    assert value(points[f"{stem}.duration chat"]) == (1, 2.0)
    assert value(points[f"{stem}.duration chat overloaded"]) == (1, 1.0)
    assert value(points[f"{stem}.time_to_first_chunk chat"]) == (1, 0.5)
    assert value(points[f"{stem}.time_per_output_chunk chat"]) == (3, 0.6)
    assert tuple(points[f"{stem}.duration chat"].explicit_bounds) == DURATION_S
    assert value(points["operation.duration embeddings"]) == (1, 0.2)


async def test_classic_tokens():
    """One histogram for both directions, of calls that succeeded."""
    points = await told(False)
    tokens = {name: value(point) for name, point in points.items() if name.startswith("token")}
    assert tokens == {
        "token.usage chat input": (1, 100),
        "token.usage chat output": (1, 20),
        "token.usage embeddings input": (1, 7),
        "token.usage embeddings output": (1, 0),
    }
    assert tuple(points["token.usage chat input"].explicit_bounds) == TOKENS
    assert not [name for name in points if name.startswith("inference")]


async def test_newest_tokens():
    """Counters of what was used, and how it spreads over calls; the latter of failed ones too."""
    points = await told(True)
    counted = {name: point.as_int for name, point in points.items() if ".usage." in name}
    assert counted == {
        "inference.usage.input_tokens chat unknown": 100,
        "inference.usage.output_tokens chat unknown": 20,
        "inference.usage.cache_read.input_tokens chat unknown": 40,
        "inference.usage.cache_write.input_tokens chat unknown": 8,
        "inference.usage.reasoning.output_tokens chat unknown": 5,
    }
    for direction, count in (("input", 100), ("output", 20)):
        assert value(points[f"inference.operation.{direction}_tokens chat"]) == (1, count)
        assert value(points[f"inference.operation.{direction}_tokens chat overloaded"]) == (1, 0)
        assert tuple(points[f"inference.operation.{direction}_tokens chat"].explicit_bounds) == TOKENS
    assert "token.usage chat input" not in points
    assert value(points["token.usage embeddings input"]) == (1, 7)
