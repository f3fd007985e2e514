"""Files, batches and stored responses: asked of the account that has them, and listed only where that is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.dispatching import Bench, instance
from tests.support.providers import Behaviour, answer, providers
from tests.support.services import request

UNKNOWN = answer(404, {"error": {"message": "No such thing.", "type": "invalid_request_error", "code": None}})


async def ask(
    gate: Bench, method: str, path: str, *kinds: tuple[str, Behaviour], **config: Any
) -> tuple[Any, list[int]]:
    """The reply, and how often each provider was asked."""
    async with providers(*(behaviour for _, behaviour in kinds)) as fakes:
        named = zip(fakes, kinds, strict=True)
        await gate.multi(*(instance(f"t{n}", kind, fake.url) for n, (fake, (kind, _)) in enumerate(named)), **config)
        ex = request(gate.gateway.snapshot, path, method=method, body=b"{}" if method == "POST" else b"")
        reply = await gate.gateway.answer(ex)
        gate.gateway.finish(ex)
        return reply, [len(fake.received) for fake in fakes]


async def test_the_account_that_knows_it_answers(gate: Bench) -> None:
    """Though failing over is off: it is no failure not to know a thing."""
    found = answer(200, {"id": "resp_1"})
    never = ("anthropic", answer(500, {}))
    reply, asked = await ask(gate, "GET", "/v1/responses/resp_1", never, ("openai", UNKNOWN), ("openai", found))
    assert (reply.status, reply.body) == (200, b'{"id": "resp_1"}')
    assert asked == [0, 1, 1]


async def test_what_nobody_knows_is_not_found(gate: Bench) -> None:
    reply, _ = await ask(gate, "DELETE", "/v1/files/file-1", ("openai", UNKNOWN), ("openai", UNKNOWN))
    assert reply.status == 404
    assert b"No such thing." in reply.body


async def test_what_is_new_goes_to_the_first_account_once(gate: Bench) -> None:
    """It would not be found again elsewhere, and must not be made twice."""
    one, two = ("openai", answer(500, {})), ("openai", answer(200, {}))
    reply, asked = await ask(gate, "POST", "/v1/batches", one, two, fallback_strategy="any")
    assert reply.status >= 500
    assert asked == [1, 0]


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
async def test_lists_are_refused_unless_shared(gate: Bench, path: str) -> None:
    one = ("openai", answer(200, {"data": []}))
    reply, asked = await ask(gate, "GET", path, one)
    assert (reply.status, asked) == (403, [0])
    assert b"shares_stored" in reply.body
    reply, asked = await ask(gate, "GET", path, one, shares_stored=True)
    assert (reply.status, asked) == (200, [1])


async def test_a_route_without_such_a_provider_says_so(gate: Bench) -> None:
    reply, asked = await ask(gate, "GET", "/v1/responses/resp_1", ("anthropic", answer(200, {})))
    assert (reply.status, asked) == (400, [0])
    assert b"does not have this interface" in reply.body


async def test_on_the_catalogues_route_accounts_are_those_of_its_models(gate: Bench) -> None:
    """No model is named; each account is asked once."""
    async with providers(answer(200, {"id": "resp_1"})) as [fake]:
        auth = {"header": {"authorization": "Bearer sk"}}
        await gate.load(
            providers={"acme": {"type": "openai", "endpoint": fake.url, "auth": auth}},
            models={name: {"targets": [{"provider": "acme", "model": name}]} for name in ("a", "b")},
            routes={"r": {"uri": "/*", "plugins": {"ai-proxy-multi": {"models": "*"}}}},
        )
        ex = request(gate.gateway.snapshot, "/v1/responses/resp_1", method="GET", body=b"")
        reply = await gate.gateway.answer(ex)
        gate.gateway.finish(ex)
    assert reply.status == 200
    assert len(fake.received) == 1


async def test_embeddings_go_to_the_instance_that_has_them(gate: Bench) -> None:
    """Though another one would come first."""
    reply = {"object": "list", "model": "e", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    async with providers(answer(500, {}), answer(200, reply)) as [never, fake]:
        await gate.multi(instance("one", "anthropic", never.url), instance("two", "openai", fake.url))
        got = await gate.ask({"model": "text-embedding-3-small", "input": "a"}, "/v1/embeddings")
    assert got.json == reply
    assert not never.received
