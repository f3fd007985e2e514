"""The body of a streamed answer. Cuts, stalls and clients that leave are tested in test_drive."""

from __future__ import annotations

import time

from tests.support.dispatching import Bench, chat, data_lines, instance
from tests.support.providers import OPENAI_STREAM, providers, stream


async def test_a_stream_that_lasts_too_long_is_ended(gate: Bench) -> None:
    """``max_stream_duration_ms``: an error event instead of the rest, and the provider's connection is closed."""
    pieces = [*OPENAI_STREAM[:2], *[0.03, OPENAI_STREAM[2]] * 50]
    async with providers(stream(*pieces)) as [fake]:
        await gate.multi(instance("a", "openai", fake.url), max_stream_duration_ms=100)
        got = await gate.ask(chat(stream=True))
        assert data_lines(got.body)[-1]["error"]["code"] == "stream_too_long"
        assert got.ex.usage is not None
        assert got.ex.usage.estimated


async def test_a_provider_that_keeps_its_connection_does_not_hold_the_client(gate: Bench) -> None:
    """After the end mark nothing is waited for."""
    async with providers(stream(*OPENAI_STREAM, 20.0)) as [fake]:
        await gate.multi(instance("a", "openai", fake.url))
        started = time.monotonic()
        got = await gate.ask(chat(stream=True))
        assert got.body.endswith(b"data: [DONE]\n\n")
        assert time.monotonic() - started < 5
        assert got.ex.attempts[0].failure is None


async def test_a_connection_is_used_again_after_a_whole_stream(gate: Bench) -> None:
    """The body was read to its end."""
    async with providers(stream(*OPENAI_STREAM)) as [fake]:
        await gate.multi(instance("a", "openai", fake.url))
        for _ in range(3):
            await gate.ask(chat(stream=True))
        assert len(fake._writers) == 1


async def test_signs_of_life_are_no_content(gate: Bench) -> None:
    """A provider that only sends comments for longer than ``timeouts.idle`` has stalled: the client is told."""
    pieces = [*OPENAI_STREAM[:2], *[0.02, b": keep-alive\n\n"] * 60]
    async with providers(stream(*pieces)) as [fake]:
        await gate.multi(instance("a", "openai", fake.url), timeouts={"idle": 100})
        started = time.monotonic()
        got = await gate.ask(chat(stream=True))
        assert data_lines(got.body)[-1]["error"]["code"] == "provider_timeout"
        assert time.monotonic() - started < 1.0
        assert got.ex.attempts[0].failure is not None
