"""Google's embeddings, to Gemini as they are and to nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.dispatching import Bench, bench, instance
from tests.support.providers import answer, providers

AUTH = {"header": {"authorization": "Bearer g-real"}}
PART = {"content": {"parts": [{"text": "hello"}]}}
ONE = ("embedContent", PART, {"embedding": {"values": [0.5] * 50}})
BATCH = (
    "batchEmbedContents",
    {"requests": [{"model": "models/any", **PART}]},
    {"embeddings": [{"values": [0.5] * 50}]},
)


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


@pytest.mark.parametrize(("method", "body", "reply"), [ONE, BATCH])
async def test_they_reach_gemini_under_the_model_it_has(gate: Bench, method: str, body: Any, reply: Any) -> None:
    async with providers(answer(200, reply)) as [fake]:
        await gate.multi(instance("one", "gemini", fake.url, auth=AUTH, options={"model": "gemini-embedding-001"}))
        got = await gate.ask(body, f"/v1beta/models/any:{method}")
    assert got.json == reply
    [sent] = fake.received
    assert sent.target == f"/v1beta/models/gemini-embedding-001:{method}"
    assert sent.headers["x-goog-api-key"] == "g-real"
    assert "model" not in sent.json
    assert all(one["model"] == "models/gemini-embedding-001" for one in sent.json.get("requests", ()))
    usage = got.ex.attempts[0].usage
    assert usage is not None
    assert (usage.output_tokens, usage.estimated) == (0, True)


async def test_elsewhere_they_are_refused_in_googles_words(gate: Bench) -> None:
    async with providers(answer(200, {})) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask(PART, "/v1beta/models/any:embedContent")
    assert got.status == 400
    assert got.json["error"]["status"] == "INVALID_ARGUMENT"
    assert not fake.received


async def test_a_request_without_content_is_refused(gate: Bench) -> None:
    await gate.multi(instance("one", "gemini", "http://127.0.0.1:9", auth=AUTH))
    assert (await gate.ask({}, "/v1beta/models/any:batchEmbedContents")).status == 400
