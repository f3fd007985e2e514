"""Images, audio, moderations, files and batches, as they are to a provider that has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tollhouse.dataplane.chat import Usage

from tests.dataplane.protocols.test_bodies import FORM, KIND
from tests.support.dispatching import Bench, bench
from tests.support.protocols import protocol
from tests.support.providers import FakeProvider, answer, providers
from tests.support.services import request

FORMAT = protocol("openai_passthrough")


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


async def route(gate: Bench, fake: FakeProvider, *, shares_stored: bool = False, **more: Any) -> None:
    one = {"name": "one", "provider": "openai", "weight": 1, "override": {"endpoint": fake.url}, **more}
    await gate.multi(one, shares_stored=shares_stored)


async def test_a_picture_is_made_and_its_tokens_counted(gate: Bench) -> None:
    reply = {"created": 1, "data": [{"b64_json": "AAAA"}], "usage": {"input_tokens": 5, "output_tokens": 90}}
    async with providers(answer(200, reply)) as [fake]:
        await route(gate, fake)
        got = await gate.ask({"model": "gpt-image-1", "prompt": "A cat", "size": "auto"}, "/v1/images/generations")
    assert got.json == reply
    assert fake.received[0].target == "/v1/images/generations"
    assert fake.received[0].json == {"model": "gpt-image-1", "prompt": "A cat", "size": "auto"}
    assert got.ex.attempts[0].usage == Usage(input_tokens=5, output_tokens=90)


async def test_a_form_reaches_the_provider_with_the_model_it_has(gate: Bench) -> None:
    async with providers(answer(200, {"text": "Hello."})) as [fake]:
        await route(gate, fake, options={"model": "gpt-4o-transcribe"})
        headers = {"content-type": KIND, "authorization": "Bearer th-client"}
        got = await gate.ask(FORM, "/v1/audio/transcriptions", headers)
    assert got.json == {"text": "Hello."}
    [sent] = fake.received
    assert sent.headers["content-type"] == KIND
    assert sent.headers["authorization"] == "Bearer sk-openai-real"
    assert b"gpt-4o-transcribe" in sent.body
    assert b"\x00\xffRIFF\r\n\r\nbinary\r\n" in sent.body


async def test_speech_comes_back_as_the_bytes_it_is(gate: Bench) -> None:
    sound = bytes(range(256)) * 40
    async with providers(answer(200, sound, {"content-type": "audio/mpeg"})) as [fake]:
        await route(gate, fake)
        got = await gate.ask({"model": "tts-1", "input": "Hello.", "voice": "alloy"}, "/v1/audio/speech")
    assert got.body == sound
    assert got.header("content-type") == "audio/mpeg"


@pytest.mark.parametrize(
    ("method", "path", "query", "target"),
    [
        ("GET", "/v1/files", "purpose=batch&key=th-secret", "/v1/files?purpose=batch"),
        ("GET", "/v1/responses/resp_1", "include[]=reasoning", "/v1/responses/resp_1?include%5B%5D=reasoning"),
        ("DELETE", "/v1/responses/resp_1", "", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel", "", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/resp_1/input_items", "limit=2", "/v1/responses/resp_1/input_items?limit=2"),
        ("GET", "/v1/files/file-1/content", "", "/v1/files/file-1/content"),
        ("DELETE", "/v1/files/file-1", "", "/v1/files/file-1"),
        ("POST", "/v1/batches/b_1/cancel", "", "/v1/batches/b_1/cancel"),
    ],
)
async def test_files_and_batches_keep_their_method_and_path(
    gate: Bench, method: str, path: str, query: str, target: str
) -> None:
    async with providers(answer(200, {"object": "list", "data": []})) as [fake]:
        await route(gate, fake, shares_stored=True)
        ex = request(gate.gateway.snapshot, path, method=method, query=query, body=b"")
        reply = await gate.gateway.answer(ex)
        gate.gateway.finish(ex)
    assert reply.status == 200, reply.body
    assert (fake.received[0].method, fake.received[0].target, fake.received[0].body) == (method, target, b"")


async def test_a_provider_without_the_interface_is_not_asked(gate: Bench) -> None:
    async with providers(answer(200, {})) as [fake]:
        await gate.multi({"name": "one", "provider": "anthropic", "weight": 1, "override": {"endpoint": fake.url}})
        got = await gate.ask({"model": "claude", "input": "x"}, "/v1/moderations")
    assert got.status == 400
    assert b"only providers that have it" in got.body
    assert not fake.received


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
async def test_documents_are_ranked_by_the_version_asked_for(gate: Bench, path: str) -> None:
    reply = {"results": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 12}}
    async with providers(answer(200, reply)) as [fake]:
        await route(gate, fake)
        got = await gate.ask({"model": "bge-reranker", "query": "a", "documents": ["b", "c"]}, path)
    assert got.json == reply
    assert fake.received[0].target == path
    assert got.ex.attempts[0].usage == Usage(input_tokens=12)


async def test_compaction_is_asked_of_the_models_own_provider(gate: Bench) -> None:
    async with providers(answer(200, {"object": "response.compaction", "output": []})) as [fake]:
        await route(gate, fake, options={"model": "gpt-5.5"})
        got = await gate.ask({"model": "any", "input": "hi"}, "/v1/responses/compact")
        assert got.status == 200
        assert (fake.received[0].target, fake.received[0].json["model"]) == ("/v1/responses/compact", "gpt-5.5")


async def test_counting_a_responses_input_asks_no_provider(gate: Bench) -> None:
    async with providers(answer(500, {})) as [fake]:
        await route(gate, fake)
        got = await gate.ask({"model": "gpt-4o", "input": "hello " * 100}, "/v1/responses/input_tokens")
    assert got.json["object"] == "response.input_tokens"
    assert got.json["input_tokens"] > 50
    assert not fake.received


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (b'{"usage":{"total_tokens":7}}', Usage(input_tokens=7)),
        (b'{"usage":{"prompt_tokens":7,"total_tokens":7}}', Usage(input_tokens=7)),
        (b'{"data":[]}', None),
        (b"\xff\xfe", None),
    ],
)
def test_usage_is_read_where_it_is_told(body: bytes, usage: Usage | None) -> None:
    assert FORMAT.read_usage(body)[0] == usage


def test_paths_that_climb_are_not_of_it() -> None:
    assert not FORMAT.claims("/v1/files/../models", None)
    assert not FORMAT.claims("/v1/fine_tuning/jobs", None)
