"""Providers' reports in the forms they document: pages of their APIs, exports of their consoles."""

import json
from typing import Any

import pytest
from tollhouse.controlplane.ledger.reports import DAY_MS, BadReport, canonical, read

DAY = 1_763_424_000
"""2025-11-18T00:00Z."""


def openai(*results: dict[str, Any], **page: Any) -> bytes:
    bucket = {"object": "bucket", "start_time": DAY, "end_time": DAY + 86400, "results": list(results)}
    return json.dumps({"object": "page", "data": [bucket], "has_more": False, "next_page": None, **page}).encode()


def anthropic(*results: dict[str, Any]) -> bytes:
    bucket = {"starting_at": "2025-11-18T00:00:00Z", "ending_at": "2025-11-19T00:00:00Z", "results": list(results)}
    return json.dumps({"data": [bucket], "has_more": False, "next_page": None}).encode()


def test_openai_usage() -> None:
    """Cached tokens are among the input, as in the ledger; batches are a tier."""
    usage = {
        "object": "organization.usage.completions.result",
        "input_tokens": 1000,
        "output_tokens": 500,
        "input_cached_tokens": 800,
        "num_model_requests": 5,
        "model": "gpt-4o-2024-08-06",
        "batch": False,
        "project_id": None,
    }
    report = read(openai(usage, {**usage, "batch": True}))
    assert (report.form, report.provider, report.to_ms - report.from_ms) == ("openai usage", "openai", DAY_MS)
    first, batch = report.lines
    assert first.tokens == {
        "input_tokens": 1000,
        "cached_tokens": 800,
        "cache_write_tokens": 0,
        "cache_write_1h_tokens": 0,
        "output_tokens": 500,
    }
    assert (first.requests, first.tier, batch.tier, first.day_ms) == (5, "", "batch", DAY * 1000)


def test_openai_costs() -> None:
    """Line items are a model and a kind of token; what is of no model is named, not forgotten."""
    amount = {"value": 0.06, "currency": "usd"}
    report = read(
        openai(
            {"object": "organization.costs.result", "amount": amount, "line_item": "gpt-4o-2024-08-06, input"},
            {"amount": {"value": "0.1234567891", "currency": "usd"}, "line_item": "gpt-4o-2024-08-06, output"},
            {"amount": amount, "line_item": "web search"},
        )
    )
    assert [line.cost_nano for line in report.lines] == [60_000_000, 123_456_789]
    assert report.notes == ["not compared: line item 'web search' (0.06 USD) is of no model"]


def test_openai_exports() -> None:
    """The console's CSV and TSV have the API's names; days without costs have empty amounts."""
    head = "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n"
    rows = f'{DAY},{DAY + 86400},a,b,0.895,usd,"gpt-5-mini, output",\n{DAY + 86400},{DAY + 2 * 86400},a,b,,,,\n'
    costs = read((head + rows).encode())
    assert (costs.form, [line.cost_nano for line in costs.lines]) == ("openai costs", [895_000_000])
    assert costs.to_ms - costs.from_ms == 2 * DAY_MS
    names = "start_time\tend_time\tnum_model_requests\tmodel\tbatch\tservice_tier\tinput_tokens\toutput_tokens\t"
    usage = read(f"{names}input_cached_tokens\n{DAY}\t{DAY + 3600}\t2\tgpt-5\tfalse\tflex\t10\t5\t4\n".encode())
    (line,) = usage.lines
    assert (line.model, line.tier, line.requests, line.day_ms) == ("gpt-5", "flex", 2, DAY * 1000)


def test_anthropic_usage() -> None:
    """What was read fresh, from the cache and written to it is all input."""
    line = {
        "uncached_input_tokens": 1500,
        "cache_read_input_tokens": 200,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1000},
        "output_tokens": 500,
        "model": "claude-sonnet-4-20250514",
        "service_tier": "standard",
        "server_tool_use": {"web_search_requests": 10},
    }
    (found,) = read(anthropic(line)).lines
    assert found.tokens == {
        "input_tokens": 3200,
        "cached_tokens": 200,
        "cache_write_tokens": 500,
        "cache_write_1h_tokens": 1000,
        "output_tokens": 500,
    }
    head = (
        "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
        "usage_output_tokens,web_search_count\n"
    )
    text = head + "2025-11-18,claude-sonnet-4-20250514,k,Default,standard,x,1500,500,1000,200,500,10\n"
    (same,) = read(text.encode()).lines
    assert (same.tokens, same.day_ms) == (found.tokens, found.day_ms)


def test_anthropic_cost() -> None:
    """The API's amounts are cents, the console's are dollars and name models for people."""
    line = {"amount": "123.78912", "currency": "USD", "model": "claude-haiku-4-5-20251001", "cost_type": "tokens"}
    report = read(anthropic(line, {"amount": "10", "currency": "USD", "cost_type": "web_search", "model": None}))
    assert [one.cost_nano for one in report.lines] == [1_237_891_200]
    assert report.notes == ["not compared: web_search: 0.1 USD"]
    text = (
        "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,cost_type\n"
        "2025-11-18,Claude Haiku 4.5,Code,key,message,x,output_tokens,0.13,token\n"
    )
    (row,) = read(text.encode()).lines
    assert (row.cost_nano, canonical(row.model)) == (130_000_000, canonical("claude-haiku-4-5-20251001"))


def test_one_model_has_one_name() -> None:
    """However it is written."""
    assert canonical("gpt-4o-2024-08-06") == canonical("openai/gpt-4o") == "gpt-4o"
    assert canonical("Claude Sonnet 3.7") == canonical("claude-3-7-sonnet-20250219")
    assert canonical("claude-opus-4-5") != canonical("claude-opus-4-6")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe\x00", "neither JSON nor CSV"),
        (b"{broken", "broken JSON"),
        (b"{}", "this is no report we know"),
        (b"a,b\n1,2\n", "this is no report we know"),
        (openai(has_more=True), "fetch all pages"),
        (openai({"input_tokens": 5, "output_tokens": 5, "model": None}), "group_by=model"),
        (openai({"amount": {"value": 1, "currency": "usd"}, "line_item": None}), "group_by=line_item"),
        (openai({"amount": {"value": 1, "currency": "eur"}, "line_item": "x, y"}), "only USD"),
        (openai({"input_tokens": -5, "output_tokens": 1, "model": "m"}), "negative count"),
        (anthropic({"amount": "5", "currency": "USD", "model": None, "cost_type": None}), "by model"),
        (b'{"data": [{"start_time": 0, "end_time": 604800, "results": [{"model": "m"}]}]}', "more than a day"),
        (b'{"data": [{"start_time": null, "end_time": 1, "results": []}]}', "not as documented"),
    ],
)
def test_what_cannot_be_compared_is_said_with_the_remedy(data: bytes, words: str) -> None:
    """A report that is read wrongly would make corrections that are wrong."""
    with pytest.raises(BadReport, match=words):
        read(data)
