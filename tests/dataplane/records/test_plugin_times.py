"""Guards that took time are spans below the exchange: at the request, over whole answers and over streams."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.records import plugin_times
from tollhouse.dataplane.runtime.telemetry.tracing import SpanSinks

from tests.support.dispatching import Bench, bench, chat, instance
from tests.support.otlp_receiver import Receiver, plain, receiver
from tests.support.providers import answer, openai_reply, providers
from tests.support.providers import stream as sse
from tests.support.services import Number


async def spans_of(gate: Bench, collector: Receiver, url: str, fraction: float, **body: Any) -> list[Any]:
    """What the collector gets of one guarded chat."""
    gate.services.open_spans = SpanSinks(lambda address: Number()).open
    await gate.load(
        routes={
            "r": {
                "uri": "/*",
                "plugins": {
                    "ai-proxy-multi": {"instances": [instance("one", "openai", url)]},
                    "ai-guard": {"packs": ["secrets"]},
                },
            }
        },
        global_rules={
            "m": {
                "plugins": {
                    "opentelemetry": {"sampler": {"name": "trace_id_ratio", "options": {"fraction": fraction}}},
                    "request-id": {},
                }
            }
        },
        plugin_metadata={
            "opentelemetry": {
                "collector": {"address": collector.address},
                "batch_span_processor": {"inactive_timeout": 0.1},
            }
        },
    )
    got = await gate.ask(chat(**body))
    assert got.status == 200
    await gate.gateway.close()
    return collector.spans


@pytest.mark.parametrize("stream", [False, True])
async def test_a_guard_is_a_span_over_request_and_answer(monkeypatch: pytest.MonkeyPatch, stream: bool) -> None:
    """With what it was busy for; plugins that only looked are none."""
    chunks = [{"id": "a", "choices": [{"index": 0, "delta": {"content": text}}]} for text in ("good ", "day")]
    chunks.append({"id": "a", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    told = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks) + b"data: [DONE]\n\n"
    script = sse(told) if stream else answer(200, openai_reply())
    monkeypatch.setattr(plugin_times, "NOTED_S", 0.0)
    async with bench() as gate, receiver() as collector, providers((script,)) as [fake]:
        spans = await spans_of(gate, collector, fake.url, 1.0, stream=stream)
        own = next(one for one in spans if one.kind == one.SPAN_KIND_SERVER)
        guards = [one for one in spans if one.name == "ai-guard"]
        assert {plain(one.attributes)["tollhouse.plugin.hook"] for one in guards} == {"request", "answer"}
        assert {one.parent_span_id for one in guards} == {own.span_id}
        assert len({one.span_id for one in spans}) == len(spans)
        for one in guards:
            assert plain(one.attributes)["tollhouse.plugin.busy"] >= 0
            assert own.start_time_unix_nano <= one.start_time_unix_nano <= one.end_time_unix_nano


async def test_what_took_no_time_or_is_not_sampled_is_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the exchange and its attempt; nothing where the sampler said no."""
    monkeypatch.setattr(plugin_times, "NOTED_S", 60.0)
    async with bench() as gate, receiver() as collector, providers((answer(200, openai_reply()),)) as [one]:
        assert len(await spans_of(gate, collector, one.url, 1.0)) == 2
    async with bench() as gate, receiver() as collector, providers((answer(200, openai_reply()),)) as [two]:
        assert await spans_of(gate, collector, two.url, 0.0) == []
