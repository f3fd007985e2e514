"""What is carried of another format, dropped by name, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocol import Encoded

from tests.support.protocols import ANTHROPIC, OPENAI, document, protocol

RESPONSES = "openai_responses"
GEMINI = "gemini_generate"
FORMATS = (OPENAI, RESPONSES, ANTHROPIC, GEMINI, "bedrock_converse")
SHARED = {"prompt_cache_key": "k", "safety_identifier": "s", "service_tier": "flex"}


def crossed(client: str, target: str, **fields: Any) -> Encoded:
    """A small request of one format in another one."""
    asked: dict[str, Any] = {
        OPENAI: {"model": "gpt-5", "messages": [{"role": "user", "content": "x"}]},
        RESPONSES: {"model": "gpt-5", "input": "x"},
        GEMINI: {"model": "gpt-5", "contents": [{"parts": [{"text": "x"}]}]},
    }[client]
    chat = protocol(client).decode_request(document({**asked, **fields}))
    return protocol(target).encode_request(chat, max_output_tokens=None)


def test_what_both_of_openais_formats_have_is_carried_both_ways() -> None:
    there = crossed(OPENAI, RESPONSES, verbosity="low", **SHARED)
    assert there.body["text"] == {"verbosity": "low"}
    assert SHARED.items() <= there.body.items()
    back = crossed(RESPONSES, OPENAI, text={"verbosity": "high"}, **SHARED)
    assert back.body["verbosity"] == "high"
    assert SHARED.items() <= back.body.items()
    assert there.dropped == back.dropped == []


def test_what_is_asked_for_stands_beside_a_format() -> None:
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    body = crossed(OPENAI, RESPONSES, verbosity="low", response_format=wanted).body
    assert set(body["text"]) == {"verbosity", "format"}


def test_a_model_that_knows_no_verbosity_is_not_told_one() -> None:
    assert crossed(OPENAI, RESPONSES, model="gpt-4o", verbosity="low").dropped == ["verbosity"]
    assert crossed(RESPONSES, OPENAI, model="o3", text={"verbosity": "low"}).dropped == ["text.verbosity"]


@pytest.mark.parametrize("target", [name for name in FORMATS if name not in (OPENAI, RESPONSES)])
def test_elsewhere_it_is_named(target: str) -> None:
    assert set(SHARED) < set(crossed(OPENAI, target, verbosity="low", **SHARED).dropped)


@pytest.mark.parametrize("target", FORMATS)
def test_an_answer_of_more_than_text_is_refused_by_name(target: str) -> None:
    """The client would wait in vain for its picture, or be charged for words it did not want."""
    if target != OPENAI:
        with pytest.raises(ClientError, match="'audio' reaches only") as refused:
            crossed(OPENAI, target, modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"})
        assert refused.value.param == "modalities"
        assert crossed(OPENAI, target, modalities=["text"]).dropped == []
    if target != GEMINI:
        with pytest.raises(ClientError, match="'IMAGE' reaches only") as refused:
            crossed(GEMINI, target, generationConfig={"responseModalities": ["TEXT", "IMAGE"]})
        assert refused.value.param == "generationConfig.responseModalities"
        assert crossed(GEMINI, target, generationConfig={"responseModalities": ["TEXT"]}).dropped == []


@pytest.mark.parametrize("target", [name for name in FORMATS if name != RESPONSES])
def test_what_is_kept_at_openai_is_refused_for_what_it_is(target: str) -> None:
    """Not for what is missing because of it."""
    for name, value in (("prompt", {"id": "pmpt_1"}), ("conversation", "conv_1"), ("previous_response_id", "resp_1")):
        chat = protocol(RESPONSES).decode_request(document({"model": "m", name: value}))
        with pytest.raises(ClientError, match="kept at OpenAI") as refused:
            protocol(target).encode_request(chat, max_output_tokens=None)
        assert refused.value.param == name
