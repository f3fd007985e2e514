"""A simulated provider as a process."""

from __future__ import annotations

import aiohttp
import pytest
from tollhouse.cli.drill.provider import Provider
from tollhouse.cli.failure import Failure

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}


async def ask(provider: Provider) -> int:
    """The status of one call."""
    headers = {"authorization": "Bearer k"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{provider.url}/v1/chat/completions", json=BODY, headers=headers) as reply,
    ):
        return reply.status


async def test_it_dies_and_comes_back_and_nothing_it_was_asked_is_forgotten() -> None:
    """On the same port, doing again what it did; an order nobody understands is refused."""
    provider = await Provider("openai", tokens=3).start()
    try:
        await provider.simulate(status=503)
        assert await ask(provider) == 503
        with pytest.raises(Failure, match="refuses"):
            await provider.simulate(fire=True)
        await provider.kill()
        with pytest.raises(aiohttp.ClientConnectionError):
            await ask(provider)
        await provider.start()
        assert await ask(provider) == 200
        failed, answered = await provider.entries()
        assert (failed.status, answered.billed["output"]) == (503, 3)
        await provider.clear()
        assert await provider.entries() == []
    finally:
        provider.end()
