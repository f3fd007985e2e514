"""Signed requests and tokens, at fake clouds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.dataplane.engine.test_google_jwt import ACCOUNT
from tests.dataplane.protocols.bedrock_converse.test_protocol import TOOLS
from tests.support.dispatching import Bench, bench
from tests.support.providers import answer, providers

ASKED = {"model": "anthropic.claude-sonnet-4-5-v1:0", "messages": [{"role": "user", "content": "hi"}], "stream": True}
AWS = {"access_key_id": "AKID", "secret_access_key": "secret", "region": "eu-west-1"}


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


async def test_bedrock_is_asked_signed_and_its_stream_reaches_the_client(gate: Bench) -> None:
    headers = {"content-type": "application/vnd.amazon.eventstream"}
    async with providers(answer(200, TOOLS, headers)) as [aws]:
        one = {"name": "b", "provider": "bedrock", "weight": 1, "auth": {"aws": AWS}, "override": {"endpoint": aws.url}}
        await gate.multi(one)
        got = await gate.ask(ASKED)
    assert got.status == 200, got.body
    assert b"Looking." in got.body
    assert got.body.endswith(b"data: [DONE]\n\n")
    [sent] = aws.received
    assert sent.target == "/model/anthropic.claude-sonnet-4-5-v1%3A0/converse-stream"
    assert "Credential=AKID/" in sent.headers["authorization"]
    assert "/eu-west-1/bedrock/aws4_request" in sent.headers["authorization"]
    assert "model" not in sent.json
    assert got.ex.attempts[0].usage is not None
    assert got.ex.attempts[0].usage.input_tokens == 12


async def test_vertex_is_asked_with_a_token_that_is_kept(gate: Bench) -> None:
    reply = {"candidates": [{"content": {"parts": [{"text": "Hello."}]}, "finishReason": "STOP"}], "usageMetadata": {}}
    token = {"access_token": "ya29.token", "expires_in": 3600}
    async with providers(answer(200, reply), answer(200, token)) as [vertex, google]:
        account = json.dumps({**ACCOUNT, "token_uri": f"{google.url}/token"})
        one = {
            "name": "v",
            "provider": "vertex-ai",
            "weight": 1,
            "auth": {"gcp": {"service_account_json": account}},
            "override": {"endpoint": f"{vertex.url}/v1/projects/p/locations/eu"},
        }
        await gate.multi(one)
        for _ in range(2):
            got = await gate.ask({**ASKED, "model": "gemini-2.5-flash", "stream": False})
            assert got.status == 200, got.body
            assert got.json["choices"][0]["message"]["content"] == "Hello."
    assert len(google.received) == 1
    assert b"jwt-bearer" in google.received[0].body
    sent = vertex.received[0]
    assert sent.target == "/v1/projects/p/locations/eu/publishers/google/models/gemini-2.5-flash:generateContent"
    assert sent.headers["authorization"] == "Bearer ya29.token"


async def test_a_refused_service_account_is_told_without_its_key(gate: Bench) -> None:
    async with providers(answer(200, {}), answer(400, {"error": "invalid_grant"})) as [vertex, google]:
        account = json.dumps({**ACCOUNT, "token_uri": f"{google.url}/token"})
        one = {
            "name": "v",
            "provider": "vertex-ai",
            "weight": 1,
            "auth": {"gcp": {"service_account_json": account}},
            "override": {"endpoint": vertex.url},
        }
        await gate.multi(one)
        got = await gate.ask({**ASKED, "model": "gemini-2.5-flash"})
    assert got.status >= 500
    assert b"PRIVATE KEY" not in got.body
    assert not vertex.received
