"""Tool and data policies on whole requests: streams, other formats, and what comes after a failure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.dispatching import Bench, bench, chat, data_lines, instance, message
from tests.support.providers import answer, anthropic_reply, openai_reply, providers, stream

LONG = "mcp.github.delete_repository_and_everything_that_belongs_to_it_forever_and_ever"
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("search", LONG)]


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


def called(name: str, arguments: str) -> list[dict[str, Any]]:
    """Chunks of an OpenAI stream: some words, then a call."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in (arguments[:3], arguments[3:])]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "Sure. "}, {"tool_calls": [call]}]
    deltas += [{"tool_calls": [piece]} for piece in pieces]
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*chunks, {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]


def sse(chunks: list[dict[str, Any]]) -> list[bytes]:
    """As the wire has them."""
    return [f"data: {json.dumps(one)}\n\n".encode() for one in chunks] + [b"data: [DONE]\n\n"]


async def policed(gate: Bench, plugins: dict[str, Any], *instances: dict[str, Any]) -> None:
    """One route with these plugins before its instances."""
    multi = {"instances": list(instances), "fallback_strategy": "any"}
    await gate.load(routes={"r": {"uri": "/*", "plugins": {**plugins, "ai-proxy-multi": multi}}})


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_forbidden_call_never_becomes_whole_at_the_agent(gate: Bench, streaming: bool) -> None:
    """Whole answers are refused; a stream ends with its format's error, and the arguments were never sent."""
    reply = openai_reply()
    function = {"name": "shell", "arguments": '{"cmd":"rm"}'}
    reply["choices"][0]["message"]["tool_calls"] = [{"id": "c1", "type": "function", "function": function}]
    given = stream(*sse(called("shell", '{"cmd":"rm"}'))) if streaming else answer(200, reply)
    async with providers(given) as [fake]:
        await policed(gate, {"ai-tool-policy": {"deny": ["shell"]}}, instance("one", "openai", fake.url))
        got = await gate.ask(chat(stream=streaming))
        assert b"cmd" not in got.body
        assert b"tool_not_allowed" in got.body
        assert len(fake.received) == 1  # nobody else is asked for the same
        assert got.status in ((200, 403) if streaming else (403,))  # by whether anything was sent before


async def test_the_clients_names_count_where_a_provider_needs_others(gate: Bench) -> None:
    """Anthropic takes neither dots nor so many letters; the policy is written for what the client calls it."""
    async with providers(answer(200, anthropic_reply())) as [fake]:
        plugins = {"ai-tool-policy": {"allow": ["search", "mcp.github.*"]}}
        await policed(gate, plugins, instance("one", "anthropic", fake.url))
        await gate.ask(chat(model="claude-haiku-4-5", tools=TOOLS))
        sent = fake.received[0].json["tools"][1]["name"]
        assert sent != LONG
    reply = anthropic_reply() | {"stop_reason": "tool_use"}
    reply["content"] = [{"type": "tool_use", "id": "c1", "name": sent, "input": {"all": True}}]
    for rule, status in (({"argument": "all", "deny": "true"}, 403), ({"argument": "all", "allow": "true"}, 200)):
        rules = {"ai-tool-policy": {"allow": ["search", "mcp.github.*"], "arguments": [{"tools": ["mcp.*"], **rule}]}}
        async with providers(answer(200, reply)) as [fake]:
            await policed(gate, rules, instance("one", "anthropic", fake.url))
            got = await gate.ask(chat(model="claude-haiku-4-5", tools=TOOLS))
            assert got.status == status, got.body


async def test_a_confined_field_stays_at_home_on_a_fallback(gate: Bench) -> None:
    """The local model fails; the cloud is not asked for a request with the field, and is for one without."""
    plugins = {"ai-data-policy": {"rules": [{"fields": ["ssn"], "action": "confine", "providers": ["openai-*"]}]}}
    async with providers(answer(500, {}), answer(200, openai_reply())) as [local, cloud]:
        tried = (
            instance("local", "openai-compatible", local.url, priority=1),
            instance("cloud", "openai", cloud.url),
        )
        await policed(gate, plugins, *tried)
        with_field = [{"role": "user", "content": '{"ssn": "1"}'}]
        got = await gate.ask(chat(messages=with_field))
        assert got.status >= 500, got.body
        assert not cloud.received
        assert (await gate.ask(chat())).status == 200
        assert len(cloud.received) == 1


@pytest.mark.parametrize("client", ["openai", "anthropic"])
async def test_masked_fields_of_a_streamed_call_are_never_sent(gate: Bench, client: str) -> None:
    """Held to the call's end, whole JSON in the client's format; the words before it are not held."""
    plugins = {"ai-data-policy": {"rules": [{"fields": ["$.to"], "action": "mask", "where": ["answers"]}]}}
    async with providers(stream(*sse(called("send", '{"to":"kim@acme.io","n":1}')))) as [fake]:
        await policed(gate, plugins, instance("one", "openai", fake.url))
        asked = chat(stream=True) if client == "openai" else message(stream=True, model="gpt-4o-mini")
        got = await gate.ask(asked, "/v1/chat/completions" if client == "openai" else "/v1/messages")
        assert b"kim@" not in got.body
        events = data_lines(got.body)
        if client == "openai":
            deltas = [one["choices"][0]["delta"] for one in events if one.get("choices")]
            pieces = [call["function"].get("arguments", "") for one in deltas for call in one.get("tool_calls", ())]
        else:
            deltas = [one["delta"] for one in events if one["type"] == "content_block_delta"]
            pieces = [one.get("partial_json", "") for one in deltas]
        assert json.loads("".join(pieces)) == {"to": "[masked]", "n": 1}
