"""Client and provider of one format: each gets the other's bytes, with only the edits meant.

Whatever else a re-encoding would change (spaces, order, escapes, numbers, unknown fields) stays as it was.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.dispatching import bench
from tests.support.providers import answer, providers

ODD = b' "x_unknown" : [1.0, 1e3, 0.10, 12345678901234567890, null, "\\u00e9\\/\xe2\x80\xa8"] , '
TEXT = b'"caf\\u00e9  \\ud83d\\ude00 \xc3\xa9"'


def bodies(model: bytes) -> dict[str, tuple[str, str, bytes]]:
    """Path -> provider, query, body, in each format with a model in it."""
    named = b'{\n\t"model":"' + model + b'",' + ODD
    chat = b'"messages":[ {"role":"user","content":' + TEXT + b',"x_deep":{"b":1.50,"a":[]}} ] }\n'
    parts = b'"contents":[ {"parts":[ {"text":' + TEXT + b'} ],"role":"user"} ] }\n'
    return {
        "/v1/chat/completions": ("openai", "", named + chat),
        "/v1/responses": ("openai", "", named + b'"store" : false, "input" : ' + TEXT + b" }"),
        "/v1/messages": ("anthropic", "beta=true", named + b'"max_tokens" : 10, ' + chat),
        "/v1/completions": ("openai", "", named + b'"prompt" : ' + TEXT + b" }"),
        "/v1/embeddings": ("openai", "", named + b'"input" : [ ' + TEXT + b" ] }"),
        "/v1/moderations": ("openai", "", named + b'"input" : ' + TEXT + b" }"),
        "/v1/images/generations": ("openai", "", named + b'"prompt" : ' + TEXT + b" }"),
        f"/v1beta/models/{model.decode()}:generateContent": ("gemini", "", b"{" + ODD + parts),
        f"/v1beta/models/{model.decode()}:embedContent": (
            "gemini",
            "",
            b"{" + ODD + b'"content":{"parts":[ {"text":' + TEXT + b"} ]} }\n",
        ),
    }


REPLIES: dict[str, bytes] = {
    "openai": b'{ "choices":[{"index":0,"text":"","message":{"role":"assistant","content":' + TEXT + b"}}],"
    b'"output":[],"data":[{"embedding":[0.10]}],' + ODD + b'"usage":{"prompt_tokens":1,"input_tokens":1} }\n',
    "anthropic": b'{ "content":[{"type":"text","text":' + TEXT + b"}]," + ODD + b'"usage":{"input_tokens":1} }\n',
    "gemini": b'{ "candidates":[{"content":{"parts":[{"text":' + TEXT + b'}]},"finishReason":"STOP"}],'
    b'"embedding":{"values":[0.10]},' + ODD + b'"usageMetadata":{"promptTokenCount":1} }\n',
}
KEYS: dict[str, Any] = {
    "openai": {"authorization": "Bearer sk"},
    "anthropic": {"x-api-key": "sk"},
    "gemini": {"x-goog-api-key": "sk"},
}
PATHS = list(bodies(b"m-1"))


def fields(body: bytes) -> list[tuple[str, bytes]]:
    """The fields of a body in order, each with the bytes of its value."""
    return [(name, bytes(raw)) for name, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()]


async def passed(path: str, provider: str, query: str, body: bytes, **options: Any) -> tuple[bytes, bytes, str]:
    """What the provider got, what the client got, and the path that was asked for."""
    async with (
        bench() as gate,
        providers(answer(200, REPLIES[provider], {"content-type": "application/json"})) as [one],
    ):
        made = {"name": "a", "provider": provider, "weight": 1, "override": {"endpoint": one.url}}
        await gate.multi({**made, "auth": {"header": KEYS[provider]}, **options})
        got = await gate.ask(body, path, query=query)
        assert got.status == 200, got.body
        assert got.reply.header("x-tollhouse-dropped") is None
        return one.received[0].body, got.body, one.received[0].target


@pytest.mark.parametrize("path", PATHS)
async def test_both_bodies_pass_as_they_are(path: str) -> None:
    provider, query, body = bodies(b"m-1")[path]
    sent, told, target = await passed(path, provider, query, body)
    if b'"model"' in body:
        assert sent == body
    else:  # the path's model was among the fields for a while
        assert fields(sent) == fields(body)
    assert told == REPLIES[provider]
    assert target.endswith("?beta=true") is (query != "")


@pytest.mark.parametrize("path", PATHS)
async def test_another_model_changes_its_name_and_nothing_else(path: str) -> None:
    """In the path where the path names it."""
    provider, query, body = bodies(b"m-1")[path]
    sent, told, target = await passed(path, provider, query, body, options={"model": "other"})
    if b'"model"' in body:
        assert fields(sent) == fields(body.replace(b'"m-1"', b'"other"'))
    else:
        assert fields(sent) == fields(body)
        assert "/models/other:" in target
    assert told == REPLIES[provider]


async def test_a_stream_of_chat_completions_is_asked_for_usage_and_for_nothing_else() -> None:
    """The one field goes behind the others: what a provider has cached is what comes first."""
    provider, _, body = bodies(b"m-1")["/v1/chat/completions"]
    asked = body.rstrip()[:-1] + b', "stream" : true}'
    async with bench() as gate, providers(answer(500, b"{}")) as [one]:
        made = {"name": "a", "provider": provider, "weight": 1, "override": {"endpoint": one.url}}
        await gate.multi({**made, "auth": {"header": KEYS[provider]}})
        await gate.ask(asked, "/v1/chat/completions")
        sent = one.received[0].body
    assert fields(sent) == [*fields(asked), ("stream_options", b'{"include_usage":true}')]
