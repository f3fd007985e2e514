"""Which conversation a request belongs to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane import registry
from tollhouse.dataplane.dispatch.choosing.session_key import session_key
from tollhouse.dataplane.document import RequestDocument

from tests.support.dispatching import Bench, chat
from tests.support.services import request


def key(gate: Bench, body: Any, header: str | None = None, format: str = "openai_chat", **headers: str) -> str:
    """The key of a request."""
    raw = json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    ex = request(gate.gateway.snapshot, headers=named, body=raw)
    ex.body, ex.document, ex.protocol = raw, RequestDocument(raw), registry.protocols_by_name()[format]
    return session_key(ex, header)


async def test_turns_of_one_conversation_share_it(gate: Bench) -> None:
    """By its beginning, whatever follows; another beginning is another one."""
    first = chat("Fix the bug")
    later = {**first, "messages": [*first["messages"], {"role": "assistant", "content": "ok"}, *chat("x")["messages"]]}
    assert key(gate, first) == key(gate, later)
    assert key(gate, first) != key(gate, chat("Write a test"))


async def test_what_the_client_says_outweighs(gate: Bench) -> None:
    """Headers agents send, or the one the operator names."""
    assert key(gate, chat("a"), x_session_id="s1") == key(gate, chat("b"), x_session_id="s1")
    assert key(gate, chat("a"), "x-chat", x_chat="7") == key(gate, chat("b"), "x-chat", x_chat="7")
    assert key(gate, chat("a"), "x-chat", x_session_id="7") != key(gate, chat("b"), "x-chat", x_session_id="7")


def spoken(format: str, rules: str, *said: str) -> dict[str, Any]:
    """A conversation in a format: the user and the model in turns."""
    if format == "openai_responses":
        items = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]
        return {"model": "m", "instructions": rules, "input": said[0] if len(said) == 1 else items}
    if format == "gemini_generate":
        turns = [{"role": ("user", "model")[n % 2], "parts": [{"text": text}]} for n, text in enumerate(said)]
        return {"model": "m", "systemInstruction": {"parts": [{"text": rules}]}, "contents": turns}
    if format == "openai_completions":
        return {"model": "m", "prompt": rules * 5000 + "".join(said)}
    turns = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]
    return {"model": "m", "system": rules, "max_tokens": 9, "messages": turns}


@pytest.mark.parametrize("format", ["anthropic_messages", "openai_responses", "gemini_generate", "openai_completions"])
async def test_conversations_are_told_apart_in_every_format(gate: Bench, format: str) -> None:
    """Turns of one share the key, other instructions or another first message make another."""
    first = key(gate, spoken(format, "r", "Fix the bug"), format=format)
    assert first == key(gate, spoken(format, "r", "Fix the bug", "ok", "and that"), format=format)
    assert first != key(gate, spoken(format, "other", "Fix the bug"), format=format)
    if format != "openai_completions":  # nothing in it says where its first message ends
        assert first != key(gate, spoken(format, "r", "Write a test"), format=format)


async def test_a_conversation_kept_at_the_provider_names_itself(gate: Bench) -> None:
    """Its turns hold nothing but the newest message."""
    one, two = ({"model": "m", "input": text, "conversation": {"id": "conv_1"}} for text in ("a", "b"))
    assert key(gate, one, format="openai_responses") == key(gate, two, format="openai_responses")
    assert key(gate, {**one, "conversation": "conv_2"}, format="openai_responses") != key(
        gate, two, format="openai_responses"
    )
