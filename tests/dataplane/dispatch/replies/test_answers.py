"""All four pairs of client and provider format, whole and streamed, with exact usage and cost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.dispatching import Bench, chat, data_lines, instance, message
from tests.support.providers import (
    ANTHROPIC_STREAM,
    OPENAI_STREAM,
    answer,
    anthropic_reply,
    openai_chunk,
    openai_reply,
    providers,
    stream,
)

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}
# 20 read of which 5 cached, 4 written. gpt-4o-mini: 150/75/600 nano-USD; claude-haiku-4-5: 1000/100/5000.
COST = {"openai": 15 * 150 + 5 * 75 + 4 * 600, "anthropic": 15 * 1000 + 5 * 100 + 4 * 5000}
REPLIES = {"openai": openai_reply(), "anthropic": anthropic_reply()}
STREAMS = {"openai": OPENAI_STREAM, "anthropic": ANTHROPIC_STREAM}
PAIRS = [(client, provider) for client in PATHS for provider in PATHS]


def body(client: str, provider: str, **more: Any) -> Any:
    """A request in the client's format for a model of the provider."""
    return (chat if client == "openai" else message)(model=MODELS[provider], **more)


def text_of(client: str, reply: Any) -> str:
    """The answer's text."""
    text: str = reply["choices"][0]["message"]["content"] if client == "openai" else reply["content"][0]["text"]
    return text


def streamed_text(client: str, events: Any) -> str:
    """The answer's text, put together from deltas."""
    if client == "openai":
        return "".join(one["choices"][0]["delta"].get("content") or "" for one in events if one.get("choices"))
    return "".join(one["delta"]["text"] for one in events if one["type"] == "content_block_delta")


@pytest.mark.parametrize(("client", "provider"), PAIRS)
async def test_whole_answers_reach_every_client(gate: Bench, client: str, provider: str) -> None:
    """The client reads its own format; tokens and cost are exact to the nano-USD."""
    async with providers(answer(200, REPLIES[provider], {"x-request-id": "up-1"})) as [fake]:
        await gate.multi(instance("one", provider, fake.url))
        got = await gate.ask(body(client, provider), PATHS[client])
        assert got.status == 200, got.body
        assert text_of(client, got.json) == "Hello there"
        attempt = got.ex.attempts[0]
        assert attempt.usage is not None
        assert (attempt.usage.input_tokens, attempt.usage.cached_tokens, attempt.usage.output_tokens) == (20, 5, 4)
        assert (attempt.cost_nano, attempt.usage.estimated) == (COST[provider], False)
        assert got.header("x-tollhouse-target") == "one"
        assert got.header("x-tollhouse-model") == MODELS[provider]
        assert got.header("x-tollhouse-tokens") == "20/4"
        assert got.header("x-tollhouse-upstream-request-id") == "up-1"
        assert fake.received[0].json["model"] == MODELS[provider]


@pytest.mark.parametrize(("client", "provider"), PAIRS)
async def test_streams_reach_every_client(gate: Bench, client: str, provider: str) -> None:
    """Deltas arrive in the client's format, well ended; usage and cost are exact though the client asked for none."""
    async with providers(stream(*STREAMS[provider])) as [fake]:
        await gate.multi(instance("one", provider, fake.url))
        got = await gate.ask(body(client, provider, stream=True), PATHS[client])
        assert got.header("content-type").startswith("text/event-stream")
        events = data_lines(got.body)
        assert streamed_text(client, events) == "Hello there"
        assert got.body.endswith(b"data: [DONE]\n\n") if client == "openai" else events[-1]["type"] == "message_stop"
        if client == "openai":
            assert all(one["choices"] for one in events)  # SDK users index choices[0]
        assert got.ex.cost_nano == COST[provider]
        assert got.ex.usage is not None
        assert not got.ex.usage.estimated


async def test_usage_reaches_a_client_that_asked(gate: Bench) -> None:
    """``stream_options.include_usage`` gives the last chunk with usage."""
    async with providers(stream(*ANTHROPIC_STREAM)) as [fake]:
        await gate.multi(instance("one", "anthropic", fake.url))
        asked = chat(model="claude-haiku-4-5", stream=True, stream_options={"include_usage": True})
        events = data_lines((await gate.ask(asked)).body)
        assert events[-1]["choices"] == []
        assert events[-1]["usage"]["prompt_tokens"] == 20


async def test_a_same_format_body_passes_byte_for_byte(gate: Bench) -> None:
    """With nothing to edit the provider sees the client's exact bytes, unknown fields and spacing included."""
    async with providers(answer(200, openai_reply())) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        raw = b'{ "model":"gpt-4o-mini", "x_unknown": {"a" : 1},\n "messages":[{"role":"user","content":"\\u00fc"}]}'
        got = await gate.ask(raw)
        assert fake.received[0].body == raw
        assert got.json == openai_reply()


async def test_a_whole_answer_to_a_streaming_client_becomes_a_stream(gate: Bench) -> None:
    """Some local servers do not stream; the client must not notice."""
    async with providers(answer(200, openai_reply())) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask(chat(stream=True))
        assert streamed_text("openai", data_lines(got.body)) == "Hello there"
        assert got.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("body_", "headers"),
    [
        (b"ok", {}),
        (b"", {}),
        (b"[1]", {}),
        (b"\xff\xfe", {}),
        (b"{}", {"content-encoding": "gzip"}),
    ],
)
async def test_an_answer_nobody_could_read_moves_on(gate: Bench, body_: bytes, headers: dict[str, str]) -> None:
    """A 200 that is no answer is a failure of that target, in its own format too."""
    json_ = {"content-type": "application/json", **headers}
    async with providers(answer(200, body_, json_), answer(200, openai_reply())) as [bad, good]:
        tried = instance("bad", "openai", bad.url, priority=1), instance("good", "openai", good.url)
        await gate.multi(*tried, fallback_strategy="any")
        got = await gate.ask(chat(model="gpt-4o-mini"))
        assert (got.status, got.header("x-tollhouse-target")) == (200, "good"), got.body
        assert got.ex.attempts[0].failure is not None
        assert got.ex.attempts[0].failure.kind == "invalid_reply"


async def test_missing_usage_is_estimated_and_marked(gate: Bench) -> None:
    """A provider that reports nothing is not free."""
    reply = {key: value for key, value in openai_reply("x" * 40).items() if key != "usage"}
    async with providers(answer(200, reply)) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask(chat("y" * 400))
        assert got.ex.usage is not None
        assert got.ex.usage.estimated
        assert got.ex.usage.input_tokens >= 100
        assert got.ex.cost_nano > 0


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 20}, (20, 10, True)),
        ({"prompt_tokens": 20, "completion_tokens": 0}, (20, 10, True)),
        ({"prompt_tokens": 1e30, "completion_tokens": 4}, (None, 10, True)),
    ],
)
async def test_half_of_a_usage_is_completed_and_marked(
    gate: Bench, usage: dict[str, Any], expected: tuple[int | None, int, bool], streams: bool
) -> None:
    """A provider that tells what it read and not what it wrote has not answered for nothing."""
    whole = answer(200, openai_reply("x" * 40) | {"usage": usage})
    told = openai_chunk({"content": "x" * 40}, "stop", usage=usage)
    async with providers(stream(told, b"data: [DONE]\n\n") if streams else whole) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask(chat("y" * 400, stream=streams))
        assert got.ex.usage is not None
        read, written, estimated = expected
        assert got.ex.usage.input_tokens == read if read else got.ex.usage.input_tokens >= 100
        assert (got.ex.usage.output_tokens, got.ex.usage.estimated) == (written, estimated)


async def test_an_unknown_price_is_told_not_nought(gate: Bench) -> None:
    """Cost is left out of the headers and the attempt is marked."""
    async with providers(answer(200, openai_reply(model="mystery"))) as [fake]:
        await gate.multi(instance("one", "openai-compatible", fake.url))
        got = await gate.ask(chat(model="mystery"))
        assert got.reply.header("x-tollhouse-cost-usd") is None
        assert not got.ex.attempts[0].price_known


async def test_a_made_up_model_name_cannot_break_a_header(gate: Bench) -> None:
    """Line breaks and other letters become question marks, and long names are cut."""
    async with providers(answer(200, openai_reply())) as [fake]:
        await gate.multi(instance("one", "openai-compatible", fake.url))
        got = await gate.ask(chat(model="m\r\nset-cookie: a=b\u00fc" + "x" * 300))
        shown = got.header("x-tollhouse-model")
        assert shown.startswith("m??set-cookie: a=b?xxx")
        assert len(shown) == 128


async def test_options_and_overrides_edit_only_what_they_name(gate: Bench) -> None:
    """``options`` overwrite, limits go into the provider's field, partial bodies fill gaps or force."""
    async with providers(answer(200, openai_reply())) as [fake]:
        override = {
            "endpoint": fake.url,
            "request_body": {"openai_chat": {"metadata": {"team": "x"}, "user": "gateway"}},
        }
        await gate.multi(
            instance(
                "one",
                "openai",
                fake.url,
                options={"model": "gpt-4o", "temperature": 0, "max_tokens": 50},
                override=override,
            )
        )
        await gate.ask(chat(max_tokens=9, temperature=1, user="client", metadata={"own": 1}))
        sent = fake.received[0].json
        assert sent["model"] == "gpt-4o"
        assert (sent["temperature"], sent["max_completion_tokens"]) == (0, 50)
        assert "max_tokens" not in sent
        assert sent["user"] == "client"
        assert sent["metadata"] == {"own": 1, "team": "x"}


async def test_credentials_and_cookies_of_the_client_stay_here(gate: Bench) -> None:
    """The provider gets its own key, the headers meant for it, and nothing else of the client's."""
    async with providers(answer(200, anthropic_reply())) as [fake]:
        await gate.multi(instance("one", "anthropic", fake.url))
        await gate.ask(
            message(),
            "/v1/messages",
            {
                "authorization": "Bearer client-key",
                "x-api-key": "client-key",
                "cookie": "session=1",
                "anthropic-beta": "a,b",
                "x-forwarded-for": "10.0.0.1",
                "user-agent": "claude-cli/2",
                "connection": "keep-alive",
            },
            "beta=true&apikey=client-key",
        )
        sent = fake.received[0]
        assert sent.headers["x-api-key"] == "sk-ant-real"
        assert sent.headers["anthropic-beta"] == "a,b"
        assert sent.headers["anthropic-version"] == "2023-06-01"
        assert sent.headers["user-agent"] == "claude-cli/2"
        assert not {"authorization", "cookie", "x-forwarded-for"} & set(sent.headers)
        assert "client-key" not in str(sent.headers) + sent.target
        assert sent.target == "/v1/messages?beta=true"


async def test_rate_limit_headers_come_back(gate: Bench) -> None:
    """Clients pace themselves by them; other headers of the provider stay behind."""
    headers = {"x-ratelimit-remaining-tokens": "5", "set-cookie": "a=b", "server": "cloud"}
    async with providers(answer(200, openai_reply(), headers)) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask(chat())
        assert got.header("x-ratelimit-remaining-tokens") == "5"
        assert got.reply.header("set-cookie") is None
        assert got.reply.header("server") is None
