"""What is counted for a request, and under which labels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.prometheus import Prometheus, PrometheusConfig, PrometheusMetadata
from tollhouse.dataplane.registry import check_metadata
from tollhouse.dataplane.runtime.telemetry.metrics import PlainMetrics

from tests.support.dispatching import Bench, bench, chat, instance
from tests.support.providers import OPENAI_ERRORS, FakeProvider, answer, openai_reply, providers
from tests.support.services import plain_services


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


async def load(gate: Bench, *fakes: FakeProvider, rule: dict[str, Any] | None = None, **metadata: Any) -> None:
    """A route to these targets in order, and the plugin as a global rule."""
    instances = [instance(f"t{n}", "openai", fake.url, priority=10 - n, weight=1) for n, fake in enumerate(fakes)]
    plugins = {"ai-proxy-multi": {"instances": instances, "fallback_strategy": ["http_429", "http_5xx"]}}
    await gate.load(
        routes={"r": {"uri": "/*", "name": "chat", "plugins": plugins}},
        global_rules={"m": {"plugins": {"prometheus": rule or {}}}},
        plugin_metadata={"prometheus": {"export_uri": "/apisix/metrics", **metadata}},
    )


async def test_a_model_request_counts_under_agent_model_target_and_status(gate: Bench):
    async with providers((answer(200, openai_reply(usage=(20, 5, 4))),)) as [fake]:
        await load(gate, fake)
        await gate.ask(chat(), headers={"authorization": "Bearer sk-test-key"})
        [(labels, value)] = gate.counted("apisix_http_status").items()
        agent = labels[5]
        assert agent.startswith("key-")
        assert "sk-test-key" not in str(gate.metrics.series)
        assert (labels, value) == (
            ("200", "r", "/*", "", "", agent, "t0", "ai_chat", "gpt-4o-mini", "gpt-4o-mini", "upstream"),
            1,
        )
        llm = ("r", "", agent, "t0", "ai_chat", "gpt-4o-mini", "gpt-4o-mini")
        assert gate.counted("apisix_llm_prompt_tokens") == {llm: 20}
        assert gate.counted("apisix_llm_completion_tokens") == {llm: 4}
        spender = ("r", agent, "t0", "openai", "gpt-4o-mini")
        cost = gate.counted("tollhouse_llm_cost_usd_total")[spender]
        # 15 fresh at 0.15, 5 cached at 0.075, 4 written at 0.60 USD per million.
        assert cost == pytest.approx((15 * 0.15 + 5 * 0.075 + 4 * 0.60) / 1e6)
        assert gate.counted("tollhouse_llm_tokens_total")[("cached", *spender)] == 5
        assert set(gate.counted("apisix_llm_active_connections").values()) == {0}


async def test_the_gateways_own_time_is_told_by_stage_and_the_targets_by_target(gate: Bench):
    async with providers((answer(200, openai_reply()),)) as [fake]:
        await load(gate, fake)
        await gate.ask(chat())
        stages = gate.counted("tollhouse_stage_seconds")
        assert {labels[0] for labels in stages} == {"match", "identify", "read_body", "admit", "dispatch"}
        assert all(seconds > 0 for labels, seconds in stages.items())
        assert set(gate.counted("tollhouse_attempt_seconds")) == {("t0", "openai", "gpt-4o-mini")}
        assert set(gate.counted("tollhouse_attempt_first_byte_seconds")) == {("t0", "openai", "gpt-4o-mini")}


async def test_what_a_failed_over_request_cost_counts_where_it_was_spent(gate: Bench):
    async with providers((answer(429, OPENAI_ERRORS[429]),), (answer(200, openai_reply()),)) as [one, two]:
        await load(gate, one, two)
        got = await gate.ask(chat())
        assert got.status == 200
        assert {labels[2] for labels in gate.counted("tollhouse_llm_cost_usd_total")} == {"t1"}
        assert {labels[6] for labels in gate.counted("apisix_http_status")} == {"t1"}


async def test_errors_count_by_code_and_not_as_an_agent(gate: Bench):
    async with providers((answer(200, openai_reply()),)) as [fake]:
        await load(gate, fake)
        await gate.ask(b"{", headers={"authorization": "Bearer garbage"})
        assert gate.counted("tollhouse_errors_total") == {("r", "invalid_json"): 1}
        [labels] = gate.counted("apisix_http_status")
        assert (labels[0], labels[5], labels[-1]) == ("400", "", "apisix")


async def test_requests_without_a_route_count_too(gate: Bench):
    await gate.load(global_rules={"m": {"plugins": {"prometheus": {}}}})
    await gate.ask(b"", "/nothing")
    [labels] = gate.counted("apisix_http_status")
    assert labels[:2] == ("404", "")


async def test_names_instead_of_ids_and_labels_switched_off(gate: Bench):
    async with providers((answer(200, openai_reply()),)) as [fake]:
        await load(gate, fake, rule={"prefer_name": True}, disabled_labels=["node", "request_llm_model", "code"])
        await gate.ask(chat())
        [labels] = gate.counted("apisix_http_status")
        assert labels[:2] == ("200", "chat")
        assert (labels[6], labels[8]) == ("", "")


async def test_the_export_path_shows_the_metrics_and_passes_no_route(gate: Bench):
    async with providers((answer(200, openai_reply()),)) as [fake]:
        await load(gate, fake)
        await gate.ask(chat())
        shown = await gate.ask(b"", "/apisix/metrics")
        assert shown.header("content-type").startswith("text/plain; version=0.0.4")
        assert b"apisix_http_status" in shown.body
        assert len(fake.received) == 1


async def test_words_of_callers_cannot_grow_the_metrics_without_end(gate: Bench):
    async with providers((answer(200, openai_reply()),)) as [fake]:
        await load(gate, fake)
        for number in range(250):
            await gate.ask(chat(model=f"made-up-{number}"))
        asked = {labels[8] for labels in gate.counted("apisix_http_status")}
        assert len(asked) <= 201
        assert "other" in asked


def test_declaring_twice_in_one_process_is_the_same_families():
    services = plain_services(metrics=PlainMetrics())
    for place in ("1", "2"):
        Prometheus(PrometheusConfig(), Place("routes", place), services, PrometheusMetadata())


def test_an_export_path_is_a_path():
    assert check_metadata("prometheus", {"export_uri": "metrics"}, "p") != []
    assert check_metadata("prometheus", {"export_uri": "/m"}, "p") == []


async def test_a_traced_request_is_the_example_of_its_bucket():
    from tollhouse.dataplane.records.trace import new_context

    from tests.support.exchanges import finished_chat

    metrics = PlainMetrics()
    plugin = Prometheus(PrometheusConfig(), Place("global_rules", "m"), plain_services(metrics=metrics))
    for sampled in (False, True):
        ex = await finished_chat()
        ex.trace = new_context(None, sampled=sampled)
        plugin.record(ex)
    [latency] = [one for one in metrics.families() if one.name == "apisix_http_latency"]
    [request] = [one for one in latency.series if one.labels[0] == "request"]
    assert [one.trace_id for one in request.examples] == [f"{ex.trace.trace_id:032x}"]  # type: ignore[union-attr]
