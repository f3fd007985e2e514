"""Calls to which a provider gave no id."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

PARTS = [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f", "args": {"a": 1}}}]
GEMINI: dict[str, Any] = {"candidates": [{"content": {"parts": PARTS, "role": "model"}, "finishReason": "STOP"}]}
CALLS = [{"function": {"name": "f", "arguments": "{}"}}, {"id": "", "function": {"name": "f", "arguments": "{}"}}]
MESSAGE = {"role": "assistant", "content": None, "tool_calls": CALLS}
CHAT: dict[str, Any] = {"choices": [{"index": 0, "message": MESSAGE, "finish_reason": "tool_calls"}]}
CHUNK: dict[str, Any] = {"choices": [{"index": 0, "delta": {**MESSAGE, "content": ""}, "finish_reason": "tool_calls"}]}
ID = re.compile(r'"(?:id|call_id)":"(call_[^"]*)"')
CASES = [("gemini_generate", GEMINI, GEMINI), ("openai_chat", CHAT, CHUNK)]


@pytest.mark.parametrize("to", ["openai_chat", "anthropic_messages", "openai_responses", "gemini_generate"])
@pytest.mark.parametrize(("provider", "whole", "chunk"), CASES)
def test_ids_made_up_differ_over_a_whole_conversation(
    provider: str, whole: dict[str, Any], chunk: dict[str, Any], to: str
) -> None:
    """Anthropic refuses a history with one twice, agents keep results by it. Streamed and whole they are the same."""
    spoken, client = protocols_by_name()[provider], protocols_by_name()[to]
    seen: list[str] = []
    for request_id in ("r1", "r2"):
        context = ReplyContext("m", request_id=request_id, provider_format=provider)
        told = client.encode_reply(spoken.decode_reply(json.dumps(whole).encode()), context)
        decoder, encoder = spoken.stream_decoder(), client.stream_encoder(context)
        events = [*decoder.feed(f"data: {json.dumps(chunk)}\n\n".encode()), *decoder.close()]
        streamed = b"".join(map(encoder.encode, events))
        ids = list(dict.fromkeys(ID.findall(told.decode())))
        assert ids == [f"call_{request_id}_0_0", f"call_{request_id}_0_1"]
        assert list(dict.fromkeys(ID.findall(streamed.decode()))) == ids
        seen += ids
    assert len(set(seen)) == 4
