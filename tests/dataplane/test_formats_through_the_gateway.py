"""What agents really send, through the whole gateway to a provider of the other format."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.support.dispatching import Bench, bench, instance
from tests.support.golden import load
from tests.support.providers import answer, openai_reply, providers
from tests.support.services import request


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


async def test_claude_code_reaches_gpt_4o_without_what_it_would_refuse(gate: Bench) -> None:
    """No thinking, no limit above the model's own, under the name the vendor takes; and all of it is told."""
    request = json.loads(load("anthropic_messages", "requests", "claude_code"))
    request.update(model="gpt-4o", stream=False)
    async with providers(answer(200, openai_reply())) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask(request, "/v1/messages")
        assert got.status == 200, got.body
        sent = json.loads(fake.received[0].body)
    assert "reasoning_effort" not in sent
    assert "max_tokens" not in sent
    assert sent["max_completion_tokens"] == 16384
    assert {"reasoning", "max_tokens", "context_management"} <= set(
        (got.header("x-tollhouse-dropped") or "").split(",")
    )


async def test_counting_tokens_asks_no_provider(gate: Bench) -> None:
    """Twenty-five at once cost nothing."""
    request = json.loads(load("anthropic_messages", "requests", "claude_code"))
    async with providers(answer(500, {})) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask(request, "/v1/messages/count_tokens")
        assert got.status == 200, got.body
        assert got.json["input_tokens"] > 1000
        assert not fake.received


async def test_a_burst_of_counting_is_not_limited(gate: Bench) -> None:
    """Requests that ask no provider leave the limit to those that do."""
    request = json.loads(load("anthropic_messages", "requests", "claude_code"))
    async with providers(answer(200, openai_reply())) as [fake]:
        limits = {"limit": 1, "time_window": 60, "limit_strategy": "requests"}
        plugins = {"ai-rate-limiting": limits, "ai-proxy-multi": {"instances": [instance("one", "openai", fake.url)]}}
        await gate.load(routes={"r": {"uri": "/*", "plugins": plugins}})
        for _ in range(25):
            assert (await gate.ask(request, "/v1/messages/count_tokens")).status == 200
        whole = {**request, "model": "gpt-4o", "stream": False}
        assert [(await gate.ask(whole, "/v1/messages")).status for _ in range(2)] == [200, 429]


async def test_embeddings_pass_to_a_vendor_that_has_them(gate: Bench) -> None:
    """Under the vendor's path, with usage counted."""
    reply = {"object": "list", "model": "e", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    async with providers(answer(200, reply)) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask({"model": "text-embedding-3-small", "input": "a"}, "/v1/embeddings")
        assert got.status == 200, got.body
        assert got.json == reply
        assert fake.received[0].target == "/v1/embeddings"
        assert got.ex.attempts[0].usage is not None
        assert got.ex.attempts[0].usage.input_tokens == 8


async def test_embeddings_are_refused_by_name_where_there_are_none(gate: Bench) -> None:
    """An Anthropic target cannot make them."""
    async with providers(answer(200, {})) as [fake]:
        await gate.multi(instance("one", "anthropic", fake.url))
        got = await gate.ask({"model": "m", "input": "a"}, "/v1/embeddings")
        assert got.status == 400
        assert got.json["error"]["param"] == "input"
        assert not fake.received


async def test_an_address_with_a_path_speaks_the_format_of_that_path(gate: Bench) -> None:
    """APISIX's configs give whole addresses: a client of responses is translated to what stands there."""
    async with providers(answer(200, openai_reply())) as [fake]:
        await gate.multi(instance("one", "openai", f"{fake.url}/v1/chat/completions"))
        got = await gate.ask({"model": "gpt-4o", "input": "hi"}, "/v1/responses")
        assert got.status == 200, got.body
        assert got.json["object"] == "response"
        assert fake.received[0].target == "/v1/chat/completions"
        assert json.loads(fake.received[0].body)["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "told"),
    [
        ("GET", "/v1/fine_tuning/jobs", {}, 405, ("error", "message")),
        ("POST", "/v1/fine_tuning/jobs", {}, 404, ("error", "message")),
        ("POST", "/v1/messages/drafts", {"anthropic-version": "2023-06-01"}, 404, ("error", "type")),
        ("POST", "/v1beta/models/x:predict", {}, 404, ("error", "status")),
        ("GET", "/v1/models/nobody", {"x-goog-api-client": "google-genai-sdk/3.6.1"}, 404, ("error", "status")),
        ("GET", "/v1/models/nobody", {"anthropic-version": "2023-06-01"}, 404, ("type",)),
        ("POST", "/elsewhere", {}, 404, ("error_msg",)),
    ],
)
async def test_what_is_not_served_is_told_in_the_callers_words(
    gate: Bench, method: str, path: str, headers: dict[str, str], status: int, told: tuple[str, ...]
) -> None:
    """By the vendor whose address it is; on addresses that are nobody's, as on every other route."""
    await gate.load(routes={"r": {"uri": "/*", "plugins": {"ai-proxy-multi": {"models": "*"}}}})
    ex = request(gate.gateway.snapshot, path, method=method, headers=headers, body=b"{}" if method == "POST" else b"")
    reply = await gate.gateway.answer(ex)
    gate.gateway.finish(ex)
    assert reply.status == status, reply.body
    body = json.loads(reply.body)
    for name in told:
        assert name in body, body
        body = body[name]
