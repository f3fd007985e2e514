"""Headers for who asks why."""

from __future__ import annotations

from tests.support.dispatching import Bench, chat, instance
from tests.support.providers import OPENAI_ERRORS, answer, openai_reply, providers

WHY = {"x-tollhouse-explain": "1"}


async def test_targets_and_attempts_are_told_on_demand(gate: Bench) -> None:
    """Ranks with reasons, the excluded, what each attempt did; nothing without the header."""
    async with providers(answer(500, OPENAI_ERRORS[500]), answer(200, openai_reply())) as [first, second]:
        await gate.multi(
            instance("a", "openai", first.url, priority=1),
            instance("b", "openai", second.url),
            instance("c", "openai", second.url, weight=0),
            fallback_strategy="any",
            balancer={"algorithm": "cost"},
            explain=True,
        )
        got = await gate.ask(chat(), headers=WHY)
        assert got.header("x-tollhouse-explain-1").startswith("#1 a (gpt-4o-mini): first choice: priority 1, about 0.")
        assert got.header("x-tollhouse-explain-2").startswith("#2 b (gpt-4o-mini): if the ones before fail")
        assert got.header("x-tollhouse-explain-3") == "out c (gpt-4o-mini): weight 0"
        assert got.header("x-tollhouse-attempt-1").startswith(
            "a (gpt-4o-mini): server_error 500 (the provider's fault) after 0."
        )
        assert got.header("x-tollhouse-attempt-2").startswith("b (gpt-4o-mini): answered 200 after 0.")
        plain = await gate.ask(chat())
        assert plain.reply.header("x-tollhouse-explain-1") is None


async def test_errors_are_explained_too(gate: Bench) -> None:
    """Where every target failed, the reasons matter most."""
    await gate.multi(instance("a", "openai", "http://127.0.0.1:1"), explain=True, fallback_strategy="any")
    got = await gate.ask(chat(), headers=WHY)
    assert got.status == 503
    assert "connect" in got.header("x-tollhouse-attempt-1")


async def test_only_who_may_know_is_told(gate: Bench) -> None:
    """Off by default; a list names consumers."""
    async with providers(answer(200, openai_reply())) as [first]:
        for allowed in (False, ["platform-*"]):
            await gate.multi(instance("a", "openai", first.url), explain=allowed)
            got = await gate.ask(chat(), headers=WHY)
            assert got.reply.header("x-tollhouse-explain-1") is None
