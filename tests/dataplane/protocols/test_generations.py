"""What names of models tell, and what translations make of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols._generations import claude, is_reasoner
from tollhouse.dataplane.registry import protocols_by_name


@pytest.mark.parametrize(
    ("model", "generation"),
    [
        ("claude-opus-4-8", (4, 8)),
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-sonnet-4-5-20250929", (4, 5)),
        ("us.anthropic.claude-opus-4-7-v1:0", (4, 7)),
        ("anthropic/claude-4.8-opus", (4, 8)),
        ("claude-fable-5-1-v1", (5, 1)),
        ("claude-sonnet-5", (5, 0)),
        ("claude-opus-5@20260724", (5, 0)),
        ("claude-3-5-haiku-latest", (3, 5)),
        ("claude-latest", (0, 0)),
        ("our-model-7", (0, 0)),
    ],
)
def test_the_generation_of_a_claude_whoever_serves_it(model: str, generation: tuple[int, int]) -> None:
    assert claude(model) == generation


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        *(("o1", True), ("o4-mini", True), ("gpt-5", True), ("openai/gpt-5.2-codex", True), ("gpt-6.1-sol", True)),
        *(("gpt-4o", False), ("gpt-5-chat-latest", False), ("gpt-oss-120b", False), ("qwen3-32b", False), ("o", False)),
    ],
)
def test_models_of_openai_that_reason(model: str, reasons: bool) -> None:
    assert is_reasoner(model) == reasons


def written(to: str, model: str, **fields: Any) -> Encoded:
    messages = [{"role": "user", "content": "x"}]
    body = json.dumps({"model": model, "messages": messages, **fields}).encode()
    chat = protocols_by_name()["openai_chat"].decode_request(RequestDocument(body))
    return protocols_by_name()[to].encode_request(chat, max_output_tokens=8000)


SAMPLED: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "reasoning_effort": "high"}


def test_newer_claudes_are_asked_to_think_as_they_like_and_not_how_to_sample() -> None:
    """By Anthropic's interface and by Bedrock's."""
    made = written("anthropic_messages", "claude-opus-4-8", **SAMPLED)
    assert made.body["thinking"] == {"type": "adaptive"}
    assert made.body["output_config"] == {"effort": "high"}
    assert not {"temperature", "top_p"} & set(made.body)
    assert made.dropped == ["temperature", "top_p"]
    made = written("bedrock_converse", "us.anthropic.claude-opus-4-8-v1:0", **SAMPLED)
    assert made.body["additionalModelRequestFields"] == {
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
    }
    assert set(made.body["inferenceConfig"]) == {"maxTokens"}
    older = written("anthropic_messages", "claude-sonnet-4-5", **SAMPLED)
    assert older.body["thinking"]["type"] == "enabled"


@pytest.mark.parametrize("to", ["anthropic_messages", "bedrock_converse"])
def test_newer_claudes_are_not_led_into_their_answer(to: str) -> None:
    """They refuse it; older ones go on with what was begun."""
    talk = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "So:"}]
    said = written(to, "claude-opus-4-6", messages=talk).body["messages"]
    assert [one["role"] for one in said] == ["user", "assistant", "user"]
    assert [one["role"] for one in written(to, "claude-sonnet-4-5", messages=talk).body["messages"]][-1] == "assistant"


def test_reasoning_models_are_not_told_what_they_refuse() -> None:
    """From another format; a client that speaks chat itself knows what it says. Defaults are nothing lost."""
    asked = {"model": "gpt-5", "max_tokens": 9, "temperature": 0.3, "top_p": 1, "stop_sequences": ["a"]}
    body = {**asked, "messages": [{"role": "user", "content": "x"}]}
    chat = protocols_by_name()["anthropic_messages"].decode_request(RequestDocument(json.dumps(body).encode()))
    made = protocols_by_name()["openai_chat"].encode_request(chat, max_output_tokens=None)
    assert set(made.body) == {"model", "messages", "max_tokens"}
    assert made.dropped == ["temperature", "stop"]
    assert written("openai_chat", "gpt-5", temperature=0.3).body["temperature"] == 0.3
    made = written("openai_responses", "gpt-5", logprobs=True, top_logprobs=2, temperature=0.3)
    assert not {"temperature", "top_logprobs"} & set(made.body)
    assert "message.output_text.logprobs" not in made.body.get("include", ())


@pytest.mark.parametrize("to", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize(
    ("effort", "model", "told"),
    [
        ("max", "gpt-5", "high"),
        ("max", "gpt-5.2", "xhigh"),
        ("xhigh", "openai/gpt-6.1-sol", "xhigh"),
        ("xhigh", "qwen3-32b", "high"),
        ("low", "gpt-5", "low"),
    ],
)
def test_efforts_are_words_the_model_knows(to: str, effort: str, model: str, told: str) -> None:
    """Claude Code asks for as much as Claude can."""
    body = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    body |= {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}
    chat = protocols_by_name()["anthropic_messages"].decode_request(RequestDocument(json.dumps(body).encode()))
    made = protocols_by_name()[to].encode_request(chat, max_output_tokens=None).body
    assert (made.get("reasoning_effort") or made["reasoning"]["effort"]) == told


@pytest.mark.parametrize("to", ["openai_chat", "anthropic_messages", "gemini_generate", "bedrock_converse"])
def test_a_forced_call_to_a_tool_nobody_else_has_is_named_as_lost(to: str) -> None:
    body = {"model": "m", "input": "x", "tools": [{"type": "local_shell"}], "tool_choice": "required"}
    chat = protocols_by_name()["openai_responses"].decode_request(RequestDocument(json.dumps(body).encode()))
    dropped = protocols_by_name()[to].encode_request(chat, max_output_tokens=None).dropped
    assert dropped == ["tools.local_shell", "tool_choice"]
