"""Comprehend is asked in its own format, signed, ten pieces of 1 KB at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.plugins.ai_aws_content_moderation import cut
from tollhouse.dataplane.registry import load_plugin_config

from tests.support.judge_server import JudgeServer, judge_server
from tests.support.prompts import exchange


def result(toxicity: float, **scores: float) -> dict[str, Any]:
    return {"Labels": [{"Name": name, "Score": score} for name, score in scores.items()], "Toxicity": toxicity}


def plugin(judge: JudgeServer, **config: Any) -> Any:
    account = {"access_key_id": "AKID", "secret_access_key": "$env://JUDGE_KEY", "region": "eu-west-1"}
    account["endpoint"] = judge.url
    return judge.plugin("ai-aws-content-moderation", comprehend=account, **config)


def chat(text: str = "hello there") -> Any:
    return exchange({"model": "m", "messages": [{"role": "user", "content": text}]})


async def test_toxic_requests_are_answered_with_a_refusal() -> None:
    """By the whole or by a category; the call is signed for Comprehend."""
    async with judge_server() as judge:
        judge.answer = {"ResultList": [result(0.1)]}
        assert await plugin(judge).request(chat()) is None
        headers = judge.headers[0]
        assert headers["x-amz-target"] == "Comprehend_20171127.DetectToxicContent"
        assert "Credential=AKID/" in headers["authorization"]
        assert "/eu-west-1/comprehend/aws4_request" in headers["authorization"]
        assert judge.asked[0] == {"LanguageCode": "en", "TextSegments": [{"Text": "hello there"}]}
        judge.answer = {"ResultList": [result(0.7)]}
        reply = await plugin(judge).request(chat())
        assert json.loads(reply.body)["choices"][0]["message"]["content"] == "request body exceeds toxicity threshold"
        judge.answer = {"ResultList": [result(0.2, PROFANITY=0.6)]}
        strict = plugin(judge, moderation_categories={"PROFANITY": 0.5}, deny_code=400, deny_message="be nice")
        with pytest.raises(ClientError, match="be nice"):
            await strict.request(chat())


async def test_long_texts_go_in_pieces() -> None:
    """Ten a call; one toxic piece suffices."""
    async with judge_server() as judge:
        judge.answer = {"ResultList": [result(0.0)]}
        assert await plugin(judge).request(chat("ä" * 6000)) is None
        assert [len(one["TextSegments"]) for one in judge.asked] == [10, 2]
    pieces = list(cut("äöü" * 700, 1000))
    assert "".join(pieces) == "äöü" * 700
    assert max(len(piece.encode()) for piece in pieces) <= 1000


async def test_no_verdict_refuses_unless_opened() -> None:
    """APISIX answers 500; here the choice is the operator's."""
    async with judge_server() as judge:
        judge.status = 500
        with pytest.raises(ClientError):
            await plugin(judge, deny_code=400).request(chat())
        assert await plugin(judge, fail_open=True).request(chat()) is None


async def test_answers_are_judged_in_pieces_or_whole() -> None:
    """By APISIX's stream modes; closed unless opened."""
    async with judge_server() as judge:
        assert plugin(judge).answer_batch is None
        assert plugin(judge, check_response=True).answer_batch == 0
        pieces = plugin(judge, check_response=True, stream_check_mode="realtime", deny_code=403)
        assert (pieces.answer_batch, pieces.answer_interval_s) == (128, 3)
        judge.answer = {"ResultList": [result(0.1)]}
        await pieces.answer(chat(), "fine")
        judge.answer = {"ResultList": [result(0.9)]}
        with pytest.raises(ClientError, match="response body exceeds toxicity threshold") as refused:
            await pieces.answer(chat(), "toxic")
        assert refused.value.status == 403
        judge.status = 500
        with pytest.raises(ClientError, match="could not be judged"):
            await pieces.answer(chat(), "more")
        await plugin(judge, check_response=True, fail_open=True).answer(chat(), "more")


async def test_whose_words_and_how_much_of_them_is_the_operators_choice() -> None:
    """Roles, all or the last turn, the size of pieces, the threshold; or answers alone."""
    talk = [
        {"role": "system", "content": "rules rules"},
        {"role": "user", "content": "first words"},
        {"role": "assistant", "content": "told them"},
        {"role": "user", "content": "second words"},
    ]
    said = lambda: exchange({"model": "m", "messages": talk})  # noqa: E731
    async with judge_server() as judge:
        judge.answer = {"ResultList": [result(0.6)]}
        lenient = plugin(judge, moderation_threshold=0.7, request_check_roles=["user"], timeout=2000)
        assert await lenient.request(said()) is None
        last = plugin(judge, moderation_threshold=0.7, request_check_roles=["user"], request_check_mode="last")
        assert await last.request(said()) is None
        small = plugin(judge, moderation_threshold=0.7, request_check_roles=["system"], request_check_length_limit=6)
        assert await small.request(said()) is None
        shown = [[one["Text"] for one in asked["TextSegments"]] for asked in judge.asked]
        assert shown == [["first words", "second words"], ["second words"], ["rules ", "rules"]]
        with pytest.raises(ClientError):
            await plugin(judge, moderation_threshold=0.5, deny_code=400).request(said())
        judge.asked.clear()
        answers = plugin(
            judge,
            check_request=False,
            check_response=True,
            response_check_length_limit=4,
            moderation_threshold=0.7,
            stream_check_mode="realtime",
            stream_check_cache_size=500,
            stream_check_interval=1.5,
        )
        assert (answers.answer_batch, answers.answer_interval_s) == (500, 1.5)
        assert await answers.request(said()) is None
        await answers.answer(said(), "abcdefgh")
        assert [[one["Text"] for one in asked["TextSegments"]] for asked in judge.asked] == [["abcd", "efgh"]]


def test_mistakes_are_named() -> None:
    """Scores go from 0 to 1."""
    config = {
        "comprehend": {"access_key_id": "a", "secret_access_key": "b", "region": "eu-west-1"},
        "moderation_categories": {"SEXUAL": 2},
    }
    with pytest.raises(ValueError, match="SEXUAL"):
        load_plugin_config("ai-aws-content-moderation", config)
