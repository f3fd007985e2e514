"""Answers of 200 that are none: each is the provider's failure, so another target is asked, or the client is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.dispatching import Bench, chat, instance, message
from tests.support.providers import ANTHROPIC_STREAM, OPENAI_STREAM, Behaviour, answer, providers, stream

WELL = {"openai_chat": OPENAI_STREAM, "anthropic_messages": ANTHROPIC_STREAM}
ASKS: dict[str, tuple[str, str, Any]] = {
    "openai_chat": ("openai", "/v1/chat/completions", chat()),
    "anthropic_messages": ("anthropic", "/v1/messages", message()),
    "openai_responses": ("openai", "/v1/responses", {"model": "gpt-4o-mini", "input": "Hi"}),
    "gemini_generate": (
        "gemini",
        "/v1beta/models/gemini-2.5-flash:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    ),
}
ENDS = {
    "openai_chat": b"data: [DONE]\n\n",
    "anthropic_messages": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    "openai_responses": b'event: response.completed\ndata: {"type":"response.completed"}\n\n',
    "gemini_generate": b"",
}
BROKEN = b'data: {"choices": [nonsense\n\n'
WRONG: dict[str, bytes] = {"not JSON": BROKEN, "another object": b'data: {"hello": 1}\n\n', "a list": b"data: [1]\n\n"}


def asked(name: str, *, streamed: bool) -> tuple[str, Any]:
    """Path and body of a request in a format."""
    _, path, body = ASKS[name]
    if name != "gemini_generate":
        return path, {**body, "stream": streamed}
    return path.replace(":generate", ":streamGenerate") if streamed else path, body


async def get(gate: Bench, name: str, *behaviours: Behaviour, streamed: bool) -> Any:
    """What the client gets from as many targets as there are behaviours."""
    kind = ASKS[name][0]
    async with providers(*behaviours) as fakes:
        key = {"header": {"authorization": "Bearer any"}}
        targets = [instance(f"t{number}", kind, fake.url, auth=key) for number, fake in enumerate(fakes)]
        await gate.multi(*targets, fallback_strategy="any")
        path, body = asked(name, streamed=streamed)
        return await gate.ask(body, path, query="alt=sse" if name == "gemini_generate" and streamed else "")


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ASKS)
async def test_a_stream_that_is_none_of_the_format_fails_before_anything_is_sent(
    gate: Bench, name: str, wrong: str
) -> None:
    """An HTTP error with a body in the client's format."""
    got = await get(gate, name, stream(WRONG[wrong], ENDS[name]), streamed=True)
    assert got.status in (502, 503), got.body
    assert "message" in got.json["error"]
    assert got.ex.attempts[0].failure.kind in ("invalid_reply", "cut")


@pytest.mark.parametrize("name", WELL)
async def test_another_target_answers_instead_of_a_broken_stream(gate: Bench, name: str) -> None:
    got = await get(gate, name, stream(BROKEN, *WELL[name]), stream(*WELL[name]), streamed=True)
    assert got.status == 200
    assert got.header("x-tollhouse-target") == "t1"
    assert b"nonsense" not in got.body


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("body", [{"hello": 1}, {"usage": {"prompt_tokens": 3, "input_tokens": 3}}, []])
async def test_json_that_is_no_answer_fails(gate: Bench, name: str, body: Any) -> None:
    got = await get(gate, name, answer(200, body), streamed=False)
    assert got.status in (502, 503), got.body
    assert got.ex.attempts[0].failure.kind == "invalid_reply"


async def test_an_error_in_a_200_keeps_its_words(gate: Bench) -> None:
    got = await get(gate, "openai_chat", answer(200, {"error": {"message": "Out of luck."}}), streamed=False)
    assert got.status >= 500
    assert b"Out of luck." in got.body


async def test_a_failed_response_is_a_failure(gate: Bench) -> None:
    failed = {"id": "resp_1", "status": "failed", "output": [], "error": {"code": "server_error", "message": "Oh no."}}
    got = await get(gate, "openai_responses", answer(200, failed), streamed=False)
    assert got.status >= 500
    assert b"Oh no." in got.body


async def test_what_breaks_in_the_middle_is_hidden_and_the_client_told(gate: Bench) -> None:
    """The piece nobody can read stays here, and so does all that follows; a well-formed error ends the stream."""
    wrong = b'data: {"usage": nonsense\n\n'
    got = await get(gate, "openai_chat", stream(*OPENAI_STREAM[:3], wrong, *OPENAI_STREAM[3:]), streamed=True)
    assert got.status == 200
    assert b"nonsense" not in got.body
    assert b"[DONE]" not in got.body
    last = [line for line in got.body.splitlines() if line.startswith(b"data: ")][-1]
    assert json.loads(last[6:])["error"]["code"] == "invalid_stream"


@pytest.mark.parametrize("name", ASKS)
async def test_redirects_are_not_followed(gate: Bench, name: str) -> None:
    """The key would go to an address nobody configured. The next target is asked, the last one's answer is told."""
    moved = answer(307, b"<html>", {"location": "http://127.0.0.1:9/elsewhere", "content-type": "text/html"})
    got = await get(gate, name, moved, streamed=False)
    assert got.status == 502
    assert "a redirect" in got.json["error"]["message"]
    if name in WELL:
        again = await get(gate, name, moved, stream(*WELL[name]), streamed=True)
        assert again.header("x-tollhouse-target") == "t1"
