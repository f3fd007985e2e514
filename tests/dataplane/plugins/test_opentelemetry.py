"""What a collector gets to see of requests, and what providers are told of the trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.opentelemetry import OpenTelemetry, OpenTelemetryConfig
from tollhouse.dataplane.runtime.telemetry.tracing import SpanSinks

from tests.support.dispatching import Bench, bench, chat, instance
from tests.support.exchanges import finished_chat
from tests.support.otlp_receiver import Receiver, plain, receiver
from tests.support.providers import OPENAI_ERRORS, OPENAI_STREAM, FakeProvider, answer, openai_reply, providers, stream
from tests.support.services import Number, plain_services

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{}"
ALWAYS = {"sampler": {"name": "always_on"}}


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    async with bench() as made:
        made.services.open_spans = SpanSinks(lambda address: Number()).open
        yield made


async def load(gate: Bench, collector: Receiver, fakes: list[FakeProvider], rule: dict[str, Any], **told: Any) -> None:
    instances = [instance(f"t{n}", "openai", fake.url, priority=10 - n, weight=1) for n, fake in enumerate(fakes)]
    plugins = {"ai-proxy-multi": {"instances": instances, "fallback_strategy": ["http_429", "http_5xx"]}}
    batch = {"inactive_timeout": 0.1}
    metadata = {"collector": {"address": collector.address}, "batch_span_processor": batch, **told}
    await gate.load(
        routes={"r": {"uri": "/*", "plugins": plugins}},
        global_rules={"m": {"plugins": {"opentelemetry": rule}}},
        plugin_metadata={"opentelemetry": metadata},
    )


async def test_each_attempt_is_a_span_below_the_exchange_and_the_parent_of_the_providers(gate: Bench):
    script = (answer(429, OPENAI_ERRORS[429]),), (answer(200, openai_reply(usage=(20, 5, 4))),)
    async with receiver() as collector, providers(*script) as fakes:
        rule = {**ALWAYS, "additional_attributes": ["request_type", "http_authorization"]}
        await load(gate, collector, fakes, rule, resource={"deployment.environment.name": "test"})
        await gate.ask(chat(), headers={"traceparent": CALLER.format("01"), "authorization": "Bearer sk-hush"})
        own, refused, answered = await collector.until(3)
        assert (own.trace_id.hex(), own.parent_span_id.hex()) == (CALLER[3:35], CALLER[36:52])
        assert own.kind == own.SPAN_KIND_SERVER
        assert {span.parent_span_id for span in (refused, answered)} == {own.span_id}
        assert collector.resources[0]["deployment.environment.name"] == "test"
        for span, fake in ((refused, fakes[0]), (answered, fakes[1])):
            sent = fake.received[0].headers["traceparent"]
            assert sent == f"00-{own.trace_id.hex()}-{span.span_id.hex()}-01"
        told = plain(answered.attributes)
        assert answered.name == "chat gpt-4o-mini"
        assert told["gen_ai.provider.name"] == told["gen_ai.system"] == "openai"
        assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (20, 4)
        assert told["tollhouse.cost.usd"] > 0
        assert refused.status.code == refused.status.STATUS_CODE_ERROR
        assert plain(refused.attributes)["error.type"] == "rate_limited"
        assert own.start_time_unix_nano <= refused.start_time_unix_nano <= refused.end_time_unix_nano
        assert answered.end_time_unix_nano <= own.end_time_unix_nano
        mine = plain(own.attributes)
        assert mine["request_type"] == "ai_chat"
        assert "sk-hush" not in str(collector.spans)


async def test_what_is_sampled_out_is_kept_only_when_it_fails(gate: Bench):
    script = (answer(500, OPENAI_ERRORS[429]), answer(200, openai_reply()))
    async with receiver() as collector, providers(script) as fakes:
        await load(gate, collector, fakes, {"sampler": {"name": "parent_base"}})
        first = await gate.ask(chat(), headers={"traceparent": CALLER.format("00")})
        second = await gate.ask(chat(), headers={"traceparent": CALLER.format("00")})
        assert (first.status, second.status) == (502, 200) or (first.status, second.status) == (500, 200)
        assert fakes[0].received[-1].headers["traceparent"].endswith("-00")
        await collector.until(2)
        await gate.gateway.close()
        assert len(collector.spans) == 2


async def test_the_newest_names_and_the_metrics_are_a_switch(gate: Bench):
    async with receiver() as collector, providers((answer(200, openai_reply(usage=(20, 5, 4))),)) as fakes:
        await load(gate, collector, fakes, ALWAYS, conventions="latest", metrics=True)
        await gate.ask(chat())
        await collector.until(2)
        assert "gen_ai.system" not in plain(collector.spans[1].attributes)
        await gate.gateway.close()
        [point] = collector.metrics["gen_ai.client.inference.usage.input_tokens"].sum.data_points
        assert point.as_int == 20
        assert plain(point.attributes)["gen_ai.request.model"] == "gpt-4o-mini"
        assert "gen_ai.client.inference.duration" in collector.metrics


async def test_the_pieces_of_a_stream_are_measured_when_metrics_are_on(gate: Bench):
    """Each after the first; without metrics nobody watches."""
    script = stream(*[part for piece in OPENAI_STREAM for part in (piece, 0.03)])
    async with receiver() as collector, providers((script, script)) as fakes:
        await load(gate, collector, fakes, {}, metrics=False)
        snapshot = gate.gateway.snapshot
        assert not snapshot.pipeline(snapshot.routes["r"], None).reply_hooks
        await load(gate, collector, fakes, {}, metrics=True)
        await gate.ask(chat(stream=True))
        await gate.gateway.close()
        [point] = collector.metrics["gen_ai.client.operation.time_per_output_chunk"].histogram.data_points
        assert point.count >= 2
        assert point.sum > 0.05
        assert "gen_ai.client.operation.time_to_first_chunk" in collector.metrics


async def test_a_ratio_keeps_its_part_of_the_traces():
    config = OpenTelemetryConfig.model_validate({"sampler": {"name": "trace_id_ratio", "options": {"fraction": 0.25}}})
    plugin = OpenTelemetry(config, Place("global_rules", "1"), plain_services())
    kept = 0
    for _ in range(2000):
        ex = await _EXCHANGE.get()
        plugin.request(ex)
        assert ex.trace is not None
        kept += ex.trace.sampled
    assert 380 < kept < 620


class _Exchanges:
    """One exchange, used again and again."""

    def __init__(self) -> None:
        self._one: Any = None

    async def get(self) -> Any:
        """The exchange."""
        self._one = self._one or await finished_chat()
        return self._one


_EXCHANGE = _Exchanges()


async def test_a_node_without_the_sdk_refuses_the_plugin_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.resources", None)
    services = plain_services(open_spans=SpanSinks(lambda address: Number()).open)
    with pytest.raises(ValueError, match=r"tollhouse\[otel\]"):
        OpenTelemetry(OpenTelemetryConfig(), Place("global_rules", "1"), services)
