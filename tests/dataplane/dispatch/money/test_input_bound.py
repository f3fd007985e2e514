"""Requests whose bytes do not show what they may cost: what is reserved for them is the most all the same."""

from typing import Any

import pytest

from tests.support.dispatching import chat, instance
from tests.support.providers import answer, openai_reply, providers
from tests.support.till import Till, usd


async def held_for(till: Till, path: str, body: dict[str, Any]) -> int:
    """Input tokens, output tokens apart: what a refusal says the request may need."""
    budgets = {"b": {"unit": "tokens", "amount": 1, "window": "day"}}
    async with providers(answer(200, openai_reply("hello"))) as [first]:
        plugins = {"ai-proxy-multi": {"instances": [instance("a", "openai", first.url)]}}
        await till.load(routes={"r": {"uri": "/*", "plugins": plugins}}, budgets=budgets)
        got = await till.ask(body, path=path)
        assert got.status == 429
        return int(got.body.decode().partition("may need ")[2].split(".")[0])


PLAIN = {"model": "gpt-4o", "input": "x", "max_output_tokens": 10}


@pytest.mark.parametrize(
    ("path", "body", "least"),
    [
        ("/v1/responses", {**PLAIN, "previous_response_id": "resp_1"}, 128_000),
        (
            "/v1/responses",
            {**PLAIN, "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
            128_000,
        ),
        ("/v1/responses", {**PLAIN, "tools": [{"type": "web_search"}]}, 2048),
        ("/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": ["x"] * 50, "max_tokens": 100}, 5000),
        ("/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": "x", "best_of": 20, "max_tokens": 100}, 2000),
        ("/v1/chat/completions", chat(max_tokens=10, prediction={"type": "content", "content": "x" * 900}), 1800),
        ("/v1/chat/completions", chat(max_tokens=1000, n=50), 50_000),
    ],
)
async def test_more_than_the_bytes_show_is_reserved(till: Till, path: str, body: dict[str, Any], least: int) -> None:
    assert await held_for(till, path, body) >= least


async def test_a_provider_that_tells_nonsense_breaks_nothing(till: Till) -> None:
    """Billions of tokens, or fewer than none, are no count; the next request is served."""
    reply = openai_reply("hello") | {"usage": {"prompt_tokens": 10**18, "completion_tokens": -5}}
    async with providers(answer(200, reply)) as [first]:
        plugins = {"ai-proxy-multi": {"instances": [instance("a", "openai", first.url)]}}
        await till.load(routes={"r": {"uri": "/*", "plugins": plugins}}, budgets={"b": usd("1")})
        for _ in range(2):
            got = await till.ask(chat(max_tokens=100))
            assert got.status == 200
        spent, held, _ = till.budgets.of("b")
        assert 0 < spent < 1_000_000
        assert held == 0
