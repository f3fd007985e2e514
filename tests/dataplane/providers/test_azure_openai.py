"""Both kinds of address Azure has."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.dispatching import Bench, bench
from tests.support.providers import answer, openai_reply, providers

ASKED = {"model": "my-deployment", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


@pytest.mark.parametrize(
    ("address", "target", "model"),
    [
        ("", "/openai/v1/chat/completions", "my-deployment"),
        (
            "/openai/deployments/d/chat/completions?api-version=2024-10-21",
            "/openai/deployments/d/chat/completions?api-version=2024-10-21",
            None,
        ),
    ],
)
async def test_the_model_is_named_where_the_address_does_not(
    gate: Bench, address: str, target: str, model: str | None
) -> None:
    async with providers(answer(200, openai_reply())) as [azure]:
        auth = {"header": {"api-key": "k"}}
        one = {
            "name": "a",
            "provider": "azure-openai",
            "weight": 1,
            "auth": auth,
            "override": {"endpoint": azure.url + address},
        }
        await gate.multi(one)
        got = await gate.ask(ASKED)
    assert got.status == 200, got.body
    [sent] = azure.received
    assert (sent.target, sent.json.get("model"), sent.headers["api-key"]) == (target, model, "k")
