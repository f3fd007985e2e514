"""Batches of messages, as they are to Anthropic."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from tests.dataplane.dispatch.replies.test_batch_results import BODY
from tests.support.dispatching import Bench, bench
from tests.support.protocols import protocol
from tests.support.providers import FakeProvider, answer, providers
from tests.support.services import request

FORMAT = protocol("anthropic_batches")
RESULTS = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"
BATCH = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "results_url": RESULTS}
ASKED = {"requests": [{"custom_id": "a", "params": {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": []}}]}


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


async def route(gate: Bench, fake: FakeProvider, provider: str = "anthropic", **more: Any) -> None:
    one = {"name": "one", "provider": provider, "weight": 1, "override": {"endpoint": fake.url}}
    await gate.multi(one, **more)


async def test_a_batch_goes_to_anthropic_and_its_results_are_read_here(gate: Bench) -> None:
    """The SDKs take the address of the results from the batch, and the key they have."""
    async with providers(answer(200, BATCH)) as [fake]:
        await route(gate, fake)
        headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "b", "x-api-key": "th-client"}
        got = await gate.ask(ASKED, "/v1/messages/batches", headers)
    assert got.json == {**BATCH, "results_url": "/v1/messages/batches/msgbatch_1/results"}
    [sent] = fake.received
    assert (sent.method, sent.target, sent.json) == ("POST", "/v1/messages/batches", ASKED)
    assert sent.headers["anthropic-beta"] == "b"
    assert "th-client" not in str(sent.headers)


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/v1/messages/batches/msgbatch_1", ""),
        ("DELETE", "/v1/messages/batches/msgbatch_1", ""),
        ("POST", "/v1/messages/batches/msgbatch_1/cancel", ""),
        ("GET", "/v1/messages/batches", "limit=2"),
    ],
)
async def test_they_keep_their_method_and_path(gate: Bench, method: str, path: str, query: str) -> None:
    """A list is shown only where the route shares what is kept."""
    async with providers(answer(200, {"data": [BATCH]})) as [fake]:
        await route(gate, fake, shares_stored=True)
        ex = request(gate.gateway.snapshot, path, method=method, query=query, body=b"")
        reply = await gate.gateway.answer(ex)
        gate.gateway.finish(ex)
        assert reply.status == 200, reply.body
        assert (fake.received[0].method, fake.received[0].body) == (method, b"")
        assert fake.received[0].target == (f"{path}?{query}" if query else path)
        assert b"api.anthropic.com" not in bytes(reply.body)
        await route(gate, fake)
        ex = request(gate.gateway.snapshot, "/v1/messages/batches", method="GET", body=b"")
        refused = await gate.gateway.answer(ex)
        gate.gateway.finish(ex)
        assert refused.status == 403
        assert json.loads(bytes(refused.body))["error"]["type"] == "permission_error"


async def test_results_pass_and_are_charged_at_the_rates_of_batches(gate: Bench) -> None:
    async with providers(answer(200, BODY, {"content-type": "application/x-jsonl"})) as [fake]:
        await route(gate, fake)
        ex = request(gate.gateway.snapshot, "/v1/messages/batches/msgbatch_1/results", method="GET", body=b"")
        reply = await gate.gateway.answer(ex)
        assert bytes(reply.body) == BODY
        gate.gateway.finish(ex)
    usage = ex.attempts[0].usage
    assert usage is not None
    assert usage.total_tokens == 205
    assert usage.special is not None
    assert usage.special.tier == "batch"
    assert ex.attempts[0].cost_nano > 0


async def test_other_providers_are_not_asked(gate: Bench) -> None:
    """Bedrock has batches of its own, of another kind."""
    async with providers(answer(200, {})) as [fake]:
        await route(gate, fake, "openai")
        got = await gate.ask(ASKED, "/v1/messages/batches")
    assert got.status == 400
    assert b"it does not have this interface" in got.body
    assert not fake.received


def test_only_addresses_of_results_are_changed() -> None:
    assert FORMAT.own_links(b'{"results_url": null}') == b'{"results_url": null}'
    assert not FORMAT.has_links("/v1/messages/batches/msgbatch_1/results")


def test_anthropics_sdk_reads_the_results_here() -> None:
    """Also where the gateway's address has a path of its own."""
    asked = []

    def serve(sent: httpx2.Request) -> httpx2.Response:
        asked.append(str(sent.url))
        if sent.url.path.endswith("/results"):
            return httpx2.Response(200, content=BODY.partition(b"no json")[0])
        return httpx2.Response(200, content=FORMAT.own_links(json.dumps(BATCH).encode()))

    client = httpx2.Client(transport=httpx2.MockTransport(serve))
    sdk = Anthropic(base_url="http://gateway/team", api_key="th-key", http_client=client)
    assert [one.custom_id for one in sdk.messages.batches.results("msgbatch_1")] == ["a", "b"]
    assert asked[1] == "http://gateway/team/v1/messages/batches/msgbatch_1/results"


def test_paths_that_climb_are_not_of_it() -> None:
    for path in ("/v1/messages/batches/../files", "/v1/messages/batches/a/b", "/v1/messages/batches/"):
        assert not FORMAT.claims(path, None)
