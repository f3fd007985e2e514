"""Spans tell what happened in the conventions' words, and never what was said."""

from tollhouse.dataplane.records.plugin_times import PluginTime
from tollhouse.dataplane.records.span_records import measurements_of, spans_of
from tollhouse.dataplane.records.trace import new_context

from tests.support.exchanges import finished_chat


async def test_a_failed_over_chat_is_three_spans_in_order():
    """With times on the wall clock, error kinds, tokens and cost."""
    ex = await finished_chat(payload={"model": "asked", "messages": [], "stream": True, "note": "confidential"})
    ex.plugin_times.append(PluginTime("ai-prompt-guard", "request", 1000.0, 1000.05, 0.05))
    own, failed, answered, waited = spans_of(ex, new_context(None, sampled=True), 1000.5, newest=False)
    assert own.attributes["tollhouse.attempts"] == 2
    assert own.end_ns - own.start_ns == 500_000_000
    assert (failed.error, failed.attributes["error.type"]) == ("overloaded", "overloaded")
    assert answered.attributes["gen_ai.usage.cache_read.input_tokens"] == 40
    assert answered.attributes["gen_ai.response.time_to_first_chunk"] == 0.1
    assert (waited.name, waited.parent_id) == ("ai-prompt-guard", own.span_id)
    assert "confidential" not in str((own, failed, answered))


async def test_secrets_in_the_query_are_masked():
    """As in logs."""
    ex = await finished_chat(query="api_key=hush&q=1")
    own = spans_of(ex, new_context(None, sampled=True), 1000.5, newest=False)[0]
    assert own.attributes["url.query"] == "api_key=********&q=1"


async def test_measurements_know_what_failed():
    """Failed attempts carry their kind."""
    failed, answered = measurements_of(await finished_chat(), 1000.5, [0.1])
    assert (failed.failed, failed.error, failed.chunk_gaps_s) == (True, "overloaded", [])
    assert (answered.chunk_gaps_s, answered.first_chunk_s) == ([0.1], None)  # no stream was asked for
    assert (answered.failed, answered.input_tokens, answered.cached_tokens) == (False, 100, 40)
