"""What logs say of an exchange, and what they must never say."""

from __future__ import annotations

import json

from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.pipeline import BoundPlugin, Pipeline
from tollhouse.dataplane.records.log_entry import access_entry, encode_entry, full_entry
from tollhouse.dataplane.records.log_format import LogFormat

from tests.support.exchanges import finished_chat, finished_exchange
from tests.support.prompts import configured

SECRETS = {
    "authorization": "Bearer hush",
    "x-api-key": "hush",
    "cookie": "session=hush",
    "x-agent": "hush",
    "x-amz-security-token": "hush",
    "user-agent": "sdk/1",
}


async def test_the_default_entry_has_apisix_shape() -> None:
    """Request, response, server, ids, client, start and latencies stand where APISIX's loggers put them."""
    ex = await finished_exchange(query="a=1", headers={"user-agent": "curl"})
    entry = full_entry(ex, 1000.05, "node-1")
    assert entry["request"] == {
        "url": "http://gateway.test/a?a=1",
        "uri": "/a?a=1",
        "method": "GET",
        "headers": {"content-length": "0", "user-agent": "curl"},
        "querystring": {"a": "1"},
        "size": 0,
    }
    assert entry["response"]["status"] == 200
    assert entry["response"]["size"] == 5
    assert entry["server"]["hostname"] == "node-1"
    assert (entry["route_id"], entry["service_id"], entry["client_ip"]) == ("r1", "", "127.0.0.1")
    assert entry["start_time"] == 1_700_001_000_000
    assert (entry["latency"], entry["upstream_latency"], entry["apisix_latency"]) == (50.0, 30.0, 20.0)
    assert (entry["upstream"], entry["revision"]) == ("127.0.0.1:1", 12)
    assert "consumer" not in entry
    assert "llm_summary" not in entry


async def test_a_chat_says_models_tokens_cost_and_attempts() -> None:
    """Beside APISIX's summary stand target, cost and every attempt with its failure."""
    ex = await finished_chat()
    entry = full_entry(ex, 1000.6, "node-1")
    assert entry["llm_summary"] == {
        "request_model": "asked",
        "model": "gpt-x",
        "duration": 100,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "upstream_response_time": 400,
        "stream": False,
        "cache_read_input_tokens": 40,
        "cache_creation_input_tokens": 0,
        "reasoning_tokens": 0,
    }
    assert entry["consumer"] == {"username": "jack"}
    assert (entry["target"], entry["provider"], entry["model"]) == ("gpt", "openai", "gpt-x")
    assert entry["cost_usd"] == "0.0015"
    assert entry["tokens"] == {"input": 100, "output": 20, "cached": 40}
    assert [(one["target"], one["status"], one.get("failure"), one.get("fault")) for one in entry["attempts"]] == [
        ("claude", 529, "overloaded", "provider"),
        ("gpt", 200, None, None),
    ]


async def test_no_secret_and_no_content() -> None:
    """Keys in headers, cookies and arguments are masked, also under names the route's own key-auth uses; bodies are
    not there."""
    ex = await finished_chat(headers=SECRETS, query="apikey=hush&agent=hush&x=%26&access_token=hush&max_tokens=5")
    for entry in (full_entry(ex, 1001.0, "n"), access_entry(ex, 1001.0)):
        line = encode_entry(entry)
        assert b"hush" not in line
        assert b"confidential" not in line
    request = full_entry(ex, 1001.0, "n")["request"]
    assert request["headers"]["user-agent"] == "sdk/1"
    assert request["querystring"]["max_tokens"] == "5"
    assert request["uri"].endswith("?apikey=********&agent=********&x=%26&access_token=********&max_tokens=5")


async def test_the_body_when_asked_for() -> None:
    """As many bytes as asked for, and none of a body that was streamed through."""
    ex = await finished_chat()
    assert "confidential" in full_entry(ex, 1001.0, "n", body_limit=1000)["request"]["body"]
    assert full_entry(ex, 1001.0, "n", body_limit=4)["request"]["body"] == '{"mo'
    streamed = await finished_exchange()
    assert "body" not in full_entry(streamed, 1001.0, "n", body_limit=1000)["request"]


async def test_the_access_entry_is_lean() -> None:
    """One flat line with what operators look for; failures by their code."""
    ex = await finished_chat()
    ex.error = ClientError(429, "rate_limited", "no")
    ex.aborted = True
    entry = json.loads(encode_entry(access_entry(ex, 1000.6)))
    assert entry["time"] == "2023-11-14T22:30:00.000Z"
    assert (entry["status"], entry["latency"], entry["upstream_latency"]) == (200, 600.0, 500.0)
    assert (entry["consumer"], entry["route_id"], entry["target"]) == ("jack", "r1", "gpt")
    assert (entry["asked_model"], entry["model"]) == ("asked", "gpt-x")
    assert (entry["error"], entry["aborted"]) == ("rate_limited", True)
    assert "request" not in entry


async def test_bytes_that_are_no_text() -> None:
    """Anything a client sends can be logged."""
    ex = await finished_exchange(path="/\udcff", query="a=%FF", headers={"x-odd": "caf\udce9"}, host="h\udcff")
    assert json.loads(encode_entry(full_entry(ex, 1001.0, "n")))["request"]["uri"] == "/%FF?a=%FF"
    assert json.loads(encode_entry(access_entry(ex, 1001.0)))["host"] == "h?"


async def test_a_body_no_guard_has_seen_is_not_logged() -> None:
    """Refused by a limit, say, before the guard of the route came to look."""
    ex = await finished_chat()
    assert "body" in full_entry(ex, 1001.0, "h", body_limit=1000)["request"]
    guard = configured("ai-guard")
    ex.pipeline = Pipeline([], {"ai-guard": BoundPlugin(guard, 1071)}, None)
    assert "body" not in full_entry(ex, 1001.0, "h", body_limit=1000)["request"]
    assert LogFormat({"b": "$request_body"})(ex) == {}
    await guard.request(ex)
    assert "body" in full_entry(ex, 1001.0, "h", body_limit=1000)["request"]
