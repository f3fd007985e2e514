"""Lakera Guard is asked in its own format, and refusals are answers by default, as in APISIX."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.guarding.refusing import AnswerRefused
from tollhouse.dataplane.records.verdicts import verdicts_of
from tollhouse.dataplane.registry import load_plugin_config

from tests.support.judge_server import judge_server
from tests.support.prompts import exchange

FLAGGED = {
    "flagged": True,
    "breakdown": [
        {"project_id": "p", "policy_id": "q", "detector_type": "prompt_attack", "detected": True},
        {"project_id": "p", "policy_id": "q", "detector_type": "pii", "detected": False},
    ],
}


def chat(text: str = "hello there") -> Any:
    return exchange(
        {"model": "m", "messages": [{"role": "system", "content": "rules"}, {"role": "user", "content": text}]}
    )


async def test_the_conversation_goes_out_with_its_roles() -> None:
    """A flagged one is answered with 200 and the configured sentence; nothing flagged passes."""
    async with judge_server() as judge:
        config = {"api_key": "$env://JUDGE_KEY", "lakera_endpoint": f"{judge.url}/v2/guard", "project_id": "p"}
        plugin = judge.plugin("ai-lakera-guard", **config, reveal_failure_categories=True)
        judge.answer = {"flagged": False}
        assert await plugin.request(chat("fine")) is None
        judge.answer = FLAGGED
        ex = chat()
        reply = await plugin.request(ex)
        told = json.loads(reply.body)["choices"][0]
        assert (reply.status, told["finish_reason"]) == (200, "content_filter")
        assert told["message"]["content"] == "Request blocked by security guard. Flagged categories: prompt_attack"
        assert judge.headers[0]["authorization"] == "Bearer hush"
        assert judge.asked[0] == {
            "messages": [{"role": "system", "content": "rules"}, {"role": "user", "content": "fine"}],
            "breakdown": True,
            "project_id": "p",
        }
        assert verdicts_of(ex)[0].rule == "lakera/prompt_attack"


async def test_alerts_and_failures() -> None:
    """``alert`` only tells; no verdict refuses unless ``fail_open``."""
    async with judge_server() as judge:
        base = {"api_key": "k", "lakera_endpoint": judge.url, "deny_code": 403}
        judge.answer = FLAGGED
        assert await judge.plugin("ai-lakera-guard", **base, action="alert").request(chat()) is None
        with pytest.raises(ClientError, match="blocked") as refusal:
            await judge.plugin("ai-lakera-guard", **base).request(chat())
        assert refusal.value.status == 403
        judge.answer = {"nothing": 1}
        assert await judge.plugin("ai-lakera-guard", **base, fail_open=True).request(chat()) is None
        with pytest.raises(ClientError):
            await judge.plugin("ai-lakera-guard", **base).request(chat())


async def test_answers_are_judged_where_the_direction_says_so() -> None:
    """Held whole; a flagged one is told by its own sentence, with 200 unless ``deny_code`` says otherwise."""
    async with judge_server() as judge:
        base = {"api_key": "k", "lakera_endpoint": judge.url}
        assert judge.plugin("ai-lakera-guard", **base).answer_batch is None
        plugin = judge.plugin("ai-lakera-guard", **base, direction="output")
        assert plugin.answer_batch == 0
        assert await plugin.request(chat()) is None
        assert judge.asked == []
        judge.answer = {"flagged": False}
        await plugin.answer(chat(), "fine words")
        assert judge.asked[0]["messages"] == [{"role": "assistant", "content": "fine words"}]
        judge.answer, ex = FLAGGED, chat()
        with pytest.raises(AnswerRefused) as refused:
            await plugin.answer(ex, "bad words")
        assert b"Response blocked by security guard" in refused.value.reply.body  # type: ignore[union-attr]
        assert verdicts_of(ex)[0].direction == "output"
        judge.status = 500
        with pytest.raises(AnswerRefused):
            await plugin.answer(chat(), "other words")
        await judge.plugin("ai-lakera-guard", **base, direction="both", fail_open=True).answer(chat(), "other words")


async def test_what_holds_nothing_to_judge_and_what_callers_are_told() -> None:
    """Refused, told, or passed; each sentence is the operator's own."""
    empty = {"model": "m", "messages": []}
    async with judge_server() as judge:
        base = {"api_key": "k", "lakera_endpoint": judge.url, "deny_code": 403, "timeout": 2000, "ssl_verify": False}
        with pytest.raises(ClientError):
            await judge.plugin("ai-lakera-guard", **base).request(exchange(empty))
        for mode, rules in (("warn", ["lakera/nothing-to-judge"]), ("skip", [])):
            ex = exchange(empty)
            assert await judge.plugin("ai-lakera-guard", **base, fail_mode=mode).request(ex) is None
            assert [one.rule for one in verdicts_of(ex)] == rules
        assert judge.asked == []
        judge.answer = FLAGGED
        words = {"request_failure_message": "not this", "response_failure_message": "not that"}
        plugin = judge.plugin("ai-lakera-guard", **base, **words, direction="both")
        with pytest.raises(ClientError, match="not this"):
            await plugin.request(chat())
        with pytest.raises(AnswerRefused, match="not that"):
            await plugin.answer(chat(), "words")


async def test_a_judge_that_takes_too_long_gave_no_verdict() -> None:
    """After the configured time."""
    async with judge_server() as judge:
        judge.answer, judge.delay_s = {"flagged": False}, 0.5
        ex = chat()
        plugin = judge.plugin("ai-lakera-guard", api_key="k", lakera_endpoint=judge.url, deny_code=403, timeout=50)
        with pytest.raises(ClientError):
            await plugin.request(ex)
        assert [one.rule for one in verdicts_of(ex)] == ["lakera/timeout"]


def test_an_endpoint_must_be_an_address() -> None:
    """Named, like every mistake."""
    with pytest.raises(ValueError, match="lakera_endpoint"):
        load_plugin_config("ai-lakera-guard", {"api_key": "k", "lakera_endpoint": "lakera"})
