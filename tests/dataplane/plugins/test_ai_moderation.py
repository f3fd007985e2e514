"""A judge outside decides before anything goes to a provider; each kind of failure by its own choice."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.verdicts import verdicts_of
from tollhouse.dataplane.registry import load_plugin_config

from tests.support.judge_server import JudgeServer, judge_server
from tests.support.prompts import exchange

TALK = [
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": "yes"},
    {"role": "user", "content": "second question"},
]


def chat(messages: Any = TALK) -> Any:
    return exchange({"model": "m", "messages": messages})


async def refused(plugin: Any, ex: Any) -> str:
    """The code of the refusal, or ``passed``."""
    try:
        await plugin.request(ex)
    except ClientError as error:
        return error.code
    return "passed"


async def test_the_http_contract() -> None:
    """Segments go out with the caller's id; allow and block come back; the same texts are asked once."""
    async with judge_server() as judge:
        plugin = judge.plugin(
            "ai-moderation", judge="http", endpoint=f"{judge.url}/judge", auth_header="Bearer $env://JUDGE_KEY"
        )
        judge.answer = {"action": "allow"}
        assert [await refused(plugin, chat()) for _ in range(2)] == ["passed", "passed"]
        assert len(judge.asked) == 1
        assert judge.asked[0]["segments"] == [{"role": "user", "text": "second question"}]
        assert judge.headers[0]["authorization"] == "Bearer hush"
        judge.answer = {"action": "block", "categories": ["hate"]}
        ex = chat([{"role": "user", "content": "something else"}])
        assert await refused(plugin, ex) == "content_blocked"
        assert [(one.rule, one.action) for one in verdicts_of(ex)] == [("moderation/hate", "block")]


async def test_openai_moderations() -> None:
    """Flagged as OpenAI says, or by one's own thresholds."""
    result = {"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.8, "hate": 0.1}}
    async with judge_server() as judge:
        judge.answer = {"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}
        place = {"endpoint": f"{judge.url}/v1/moderations", "judge": "openai"}
        assert await refused(judge.plugin("ai-moderation", **place), chat()) == "content_blocked"
        assert judge.asked[0] == {"model": "omni-moderation-latest", "input": ["second question"]}
        lenient = judge.plugin("ai-moderation", **place, categories={"violence": 0.9})
        assert await refused(lenient, chat()) == "passed"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"flagged": false}', "passed"),
        ('```json\n{"flagged": true, "categories": ["hate"]}\n```', "content_blocked"),
        ("unsafe\nS1,S9", "content_blocked"),
        ("safe", "passed"),
        ("I think it is fine", "guard_unjudged"),
    ],
)
async def test_a_guard_model_of_the_catalogue(text: str, verdict: str) -> None:
    """It is asked with a fixed rubric at its own provider, and what it says is read strictly."""
    from tests.support.catalogues import catalogue_of  # a model named guard at an address

    async with judge_server() as judge:
        judge.answer = {"choices": [{"message": {"role": "assistant", "content": text}}]}
        ex = chat()
        ex.snapshot = catalogue_of("guard", judge.url)
        assert await refused(judge.plugin("ai-moderation", judge="model", model="guard"), ex) == verdict
        assert judge.asked[0]["model"] == "llama-guard"
        assert "second question" in judge.asked[0]["messages"][1]["content"]


async def test_a_guard_model_sees_only_what_its_provider_may_see() -> None:
    """Fields confined to other providers do not go to the judge either."""
    from tests.support.catalogues import catalogue_of

    async with judge_server() as judge:
        judge.answer = {"choices": [{"message": {"role": "assistant", "content": "safe"}}]}
        for allowed, told in (("local", "passed"), ("other", "guard_unjudged")):
            ex = chat()
            ex.snapshot = catalogue_of("guard", judge.url)
            ex.state["allowed_providers"] = (allowed,)
            assert await refused(judge.plugin("ai-moderation", judge="model", model="guard"), ex) == told
        assert len(judge.asked) == 1


async def test_answers_are_judged_where_the_direction_says_so() -> None:
    """By the same contract, with the direction; told by a sentence of their own, or as a model that declines."""
    async with judge_server() as judge:
        base = {"judge": "http", "endpoint": judge.url}
        assert judge.plugin("ai-moderation", **base).answer_batch is None
        plugin = judge.plugin("ai-moderation", **base, direction="both", batch_chars=50)
        assert plugin.answer_batch == 50
        judge.answer, ex = {"action": "block", "categories": ["hate"]}, chat()
        with pytest.raises(ClientError, match="withheld"):
            await plugin.answer(ex, "words")
        assert judge.asked[-1]["direction"] == "output"
        assert judge.asked[-1]["segments"] == [{"role": "assistant", "text": "words"}]
        assert [(one.rule, one.direction) for one in verdicts_of(ex)] == [("moderation/hate", "output")]
        await judge.plugin("ai-moderation", **base, direction="output", action="flag").answer(chat(), "words")
        judge.status = 500
        with pytest.raises(ClientError):
            await plugin.answer(chat(), "other")
        await judge.plugin("ai-moderation", **base, direction="output", on_error="allow").answer(chat(), "other")


async def test_nonsense_does_not_open_the_breaker() -> None:
    """A text that makes a judge talk nonsense must not get the choice for errors instead."""
    async with judge_server() as judge:
        judge.answer = {"action": "maybe"}
        plugin = judge.plugin("ai-moderation", judge="http", endpoint=judge.url, on_error="allow")
        for number in range(8):
            assert await refused(plugin, chat([{"role": "user", "content": f"no. {number}"}])) == "guard_unjudged"
        assert len(judge.asked) == 8


async def _failing(judge: JudgeServer, **config: Any) -> str:
    config = {"judge": "http", "endpoint": judge.url, "timeout_ms": 100, **config}
    return await refused(judge.plugin("ai-moderation", **config), chat())


async def test_each_failure_has_its_own_choice() -> None:
    """Timeout, error and an answer that is none: closed unless opened for that failure."""
    async with judge_server() as judge:
        judge.status = 500
        assert await _failing(judge) == "guard_unjudged"
        assert await _failing(judge, on_error="allow") == "passed"
        assert await _failing(judge, on_timeout="allow", on_unparsable="allow") == "guard_unjudged"
        judge.status, judge.answer = 200, b"<html>"
        assert await _failing(judge) == "guard_unjudged"
        assert await _failing(judge, on_unparsable="allow") == "passed"
        judge.delay_s = 0.3
        assert await _failing(judge) == "guard_unjudged"
        assert await _failing(judge, on_timeout="allow") == "passed"


async def test_a_judge_that_fails_again_and_again_is_left_alone() -> None:
    """After five failures nobody waits for it for a while."""
    async with judge_server() as judge:
        judge.status = 503
        plugin = judge.plugin("ai-moderation", judge="http", endpoint=judge.url)
        for number in range(8):
            assert await refused(plugin, chat([{"role": "user", "content": f"no. {number}"}])) == "guard_unjudged"
        assert len(judge.asked) == 5


async def test_flagging_only_tells() -> None:
    """Nothing is refused, also when the judge is silent."""
    async with judge_server() as judge:
        plugin = judge.plugin("ai-moderation", judge="http", endpoint=judge.url, action="flag")
        judge.answer = {"action": "block", "categories": ["hate"]}
        ex = chat()
        assert await refused(plugin, ex) == "passed"
        assert verdicts_of(ex)[0].action == "flag"


def test_what_a_judge_lacks_is_named() -> None:
    """Each judge needs its own fields."""
    for config, field in (
        ({"judge": "http"}, "endpoint"),
        ({"judge": "model"}, "model"),
        ({"judge": "openai"}, "auth_header"),
        ({"judge": "http", "endpoint": "http://x", "batch_chars": 5}, "batch_chars"),
        ({"judge": "http", "endpoint": "ftp://x"}, "endpoint"),
        ({"judge": "http", "endpoint": "http://x", "categories": {"hate": 0.5}}, "categories"),
    ):
        with pytest.raises(ValueError, match=field):
            load_plugin_config("ai-moderation", config)


async def test_whose_words_are_shown_and_what_callers_are_told() -> None:
    """Roles, new words or all; a refusal as an error or as of a model that declines, each with its own sentence."""
    async with judge_server() as judge:
        base = {"judge": "http", "endpoint": judge.url, "ssl_verify": False}
        judge.answer = {"action": "allow"}
        shown = judge.plugin("ai-moderation", **base, roles=["system", "user", "assistant"], history="all")
        talk = [*TALK[:2], {"role": "assistant", "content": "told them"}, TALK[3]]
        assert await refused(shown, chat(talk)) == "passed"
        told = [(one["role"], one["text"]) for one in judge.asked[-1]["segments"]]
        assert told == [
            ("system", "be kind"),
            ("user", "first"),
            ("assistant", "told them"),
            ("user", "second question"),
        ]
        judge.answer = {"action": "block"}
        words = {"message": "not asked here", "answer_message": "not told here"}
        plugin = judge.plugin("ai-moderation", **base, **words, as_refusal=True, direction="both")
        reply = await plugin.request(chat())
        assert reply is not None
        assert reply.status == 200
        assert b"not asked here" in reply.body
        with pytest.raises(ClientError, match="not told here") as withheld:
            await plugin.answer(chat(), "words")
        assert b"not told here" in withheld.value.reply.body  # type: ignore[attr-defined]
