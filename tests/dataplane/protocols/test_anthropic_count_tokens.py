"""Token counting is answered by estimate, mistakes as a provider would tell them."""

from __future__ import annotations

import json

import pytest
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError

from tests.support.golden import load
from tests.support.protocols import document, protocol

NAME = "anthropic_count_tokens"


def count(body: dict) -> int:
    answer = protocol(NAME).own_answer(document(body))
    assert answer is not None
    return json.loads(answer)["input_tokens"]


def test_only_its_own_path_is_claimed() -> None:
    assert protocol(NAME).claims("/v1/messages/count_tokens", None)
    assert not protocol(NAME).claims("/v1/messages", None)
    assert not protocol("anthropic_messages").claims("/v1/messages/count_tokens", None)
    assert protocol("anthropic_messages").own_answer(document({})) is None


def test_the_count_follows_the_text_and_not_the_base64() -> None:
    words = "The quick brown fox jumps over the lazy dog. " * 100
    text = count({"model": "m", "messages": [{"role": "user", "content": words}]})
    assert 900 < text < 1400
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 500_000}}
    with_image = count(
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": words}, image]}]}
    )
    assert 1000 < with_image - text < 3000
    tools = [{"name": "f", "input_schema": {"type": "object", "properties": {"a" * 400: {"type": "string"}}}}]
    assert count({"model": "m", "tools": tools, "messages": [{"role": "user", "content": words}]}) > text + 100


def test_a_whole_agent_request_is_counted() -> None:
    answer = protocol(NAME).own_answer(RequestDocument(load("anthropic_messages", "requests", "claude_code")))
    assert answer is not None
    assert json.loads(answer)["input_tokens"] > 1600


def test_a_mistake_is_named() -> None:
    with pytest.raises(ClientError) as caught:
        count({"model": "m", "messages": "x"})
    assert caught.value.param == "messages"
