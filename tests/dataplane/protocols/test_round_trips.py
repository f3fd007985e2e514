"""What has to come back as it was: names of tools, what signs a model's reasoning, log probabilities."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    ChatReply,
    Choice,
    Ended,
    Event,
    Finished,
    Part,
    PartEnded,
    PartStarted,
    ReplyStarted,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.engine.sse import EventReader
from tollhouse.dataplane.protocol import Protocol, ReplyContext

from tests.support.protocols import ANTHROPIC, OPENAI, document, protocol

RESPONSES, GEMINI, BEDROCK = "openai_responses", "gemini_generate", "bedrock_converse"
CLIENTS = (OPENAI, RESPONSES, ANTHROPIC, GEMINI)
PROVIDERS = (*CLIENTS, BEDROCK)
PAIRS = [(client, provider) for client in CLIENTS for provider in PROVIDERS if client != provider]
SIGNING = [(client, provider) for client, provider in PAIRS if OPENAI not in (client, provider)]

LONG = "mcp__a_server_of_some_company__" + "a_tool_with_a_long_name_" * 6
"""Legal nowhere else: too long for OpenAI, Google and Bedrock, and too long for Anthropic."""
ODD = "9 files.read:all/é"
CALL_ID = "call:" + "x" * 150


def request(client: str, history: list[Any] | None = None) -> Any:
    """A request with tools of such names and a call in its history, decoded."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    names = (LONG, ODD)
    given: dict[str, Any]
    if client == OPENAI:
        call = {"id": CALL_ID, "type": "function", "function": {"name": LONG, "arguments": "{}"}}
        given = {
            "tools": [{"type": "function", "function": {"name": name, "parameters": schema}} for name in names],
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": CALL_ID, "content": "1"},
            ],
        }
    elif client == RESPONSES:
        call = {"type": "function_call", "call_id": CALL_ID, "name": LONG, "arguments": "{}"}
        given = {
            "tools": [{"type": "function", "name": name, "parameters": schema} for name in names],
            "input": [
                {"role": "user", "content": "go"},
                *(history or [call]),
                *([] if history else [{"type": "function_call_output", "call_id": CALL_ID, "output": "1"}]),
            ],
        }
    elif client == ANTHROPIC:
        call = {"type": "tool_use", "id": CALL_ID, "name": LONG, "input": {}}
        result = {"type": "tool_result", "tool_use_id": CALL_ID, "content": "1"}
        given = {
            "max_tokens": 99,
            "tools": [{"name": name, "input_schema": schema} for name in names],
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": history or [call]},
                {"role": "user", "content": "and?" if history else [result]},
            ],
        }
    else:
        call = {"functionCall": {"id": CALL_ID, "name": LONG, "args": {}}}
        result = {"functionResponse": {"id": CALL_ID, "name": LONG, "response": {"output": "1"}}}
        given = {
            "tools": [{"functionDeclarations": [{"name": name, "parametersJsonSchema": schema} for name in names]}],
            "contents": [
                {"role": "user", "parts": [{"text": "go"}]},
                {"role": "model", "parts": history or [call]},
                {"role": "user", "parts": [{"text": "and?"}] if history else [result]},
            ],
        }
    return protocol(client).decode_request(document({"model": "m", **given}))


def reply_of(parts: list[Part]) -> tuple[ChatReply, list[Event]]:
    """An answer, whole and as events."""
    usage = Usage(input_tokens=1, output_tokens=1)
    events: list[Event] = [ReplyStarted("id", "m")]
    for index, part in enumerate(parts):
        if isinstance(part, ToolCall):
            started = PartStarted(0, index, "tool_call", part.id, part.name)
            events += [started, ArgumentsDelta(0, index, part.arguments)]
        elif isinstance(part, Thinking):
            events += [PartStarted(0, index, "thinking"), ThinkingDelta(0, index, part.text)]
            events.append(ThinkingDelta(0, index, "", part.signature))
        elif isinstance(part, Text):
            events += [PartStarted(0, index, "text"), TextDelta(0, index, part.text)]
        events.append(PartEnded(0, index))
    events += [Finished(0, "tool_calls"), UsageReported(usage), Ended()]
    return ChatReply("id", "m", [Choice(parts, "tool_calls")], usage), events


def shown(client: Protocol, parts: list[Part], context: ReplyContext) -> tuple[str, str]:
    """What the client is sent, whole and streamed."""
    reply, events = reply_of(parts)
    encoder = client.stream_encoder(context)
    return client.encode_reply(reply, context).decode(), b"".join(map(encoder.encode, events)).decode()


@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_names_too_long_or_odd_are_the_clients_own_again(client: str, provider: str) -> None:
    """In whole answers and in streams; a call in the history goes by the name its tool is sent under."""
    asked = request(client)
    encoded = protocol(provider).encode_request(asked, max_output_tokens=None)
    sent = {own: name for name, own in encoded.renamed_tools.items()}
    written = json.dumps(encoded.body, ensure_ascii=False)
    for own in (LONG, ODD):
        assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}" if provider == GEMINI else r"[\w-]{1,128}", sent[own])
        assert json.dumps(own, ensure_ascii=False) not in written
    assert written.count(json.dumps(sent[LONG])) >= 2
    context = ReplyContext("m", True, encoded.renamed_tools, "r", 1, asked, provider)
    parts: list[Part] = [ToolCall("c1", sent[LONG], '{"a":"1"}'), ToolCall("c2", sent[ODD], "{}")]
    for told in shown(protocol(client), parts, context):
        for own in (LONG, ODD):
            assert json.dumps(own) in told or json.dumps(own, ensure_ascii=False) in told
            assert sent[own] not in told


def brought_back(client: str, told: str, *, streamed: bool) -> list[Any]:
    """What a client of the format sends again of an answer: its SDK puts streams together so."""
    if not streamed:
        body = json.loads(told)
        if client == RESPONSES:
            return list(body["output"])
        return list(body["content"] if client == ANTHROPIC else body["candidates"][0]["content"]["parts"])
    bodies = [json.loads(event.data) for event in EventReader().feed(told.encode())]
    if client == RESPONSES:
        return [one["item"] for one in bodies if one["type"] == "response.output_item.done"]
    if client == GEMINI:
        return [part for one in bodies for part in one["candidates"][0]["content"]["parts"] if part != {"text": ""}]
    blocks: list[Any] = []
    for one in bodies:
        if one["type"] == "content_block_start":
            blocks.append(one["content_block"])
        delta = one.get("delta") or {}
        for field in ("thinking", "signature", "text"):
            if field in delta:
                blocks[-1][field] += delta[field]
    return blocks


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("client", "provider"), SIGNING)
def test_signed_reasoning_reaches_its_own_provider_again(client: str, provider: str, streamed: bool) -> None:
    """Through a client of another format, word for word; a third provider is not sent it, and that is said."""
    thought = Thinking("Let me see.", "c2lnbmVk+/==")
    context = ReplyContext("m", True, {}, "r", 1, None, provider)
    whole, stream = shown(protocol(client), [thought, Text("so")], context)
    again = request(client, brought_back(client, stream if streamed else whole, streamed=streamed))
    back = json.dumps(protocol(provider).encode_request(again, max_output_tokens=None).body)
    assert json.dumps(thought.signature) in back
    assert "tollhse1" not in back
    if provider != GEMINI:  # Google takes signatures without the thoughts
        assert thought.text in back
    for other in PROVIDERS:
        if other in (provider, client) or {other, provider} == {ANTHROPIC, BEDROCK}:
            continue
        encoded = protocol(other).encode_request(again, max_output_tokens=None)
        assert thought.signature not in json.dumps(encoded.body)
        assert {"thinking", "reasoning_content"} & set(encoded.dropped)


CHAT_PROBS = {"content": [{"token": "so", "logprob": -0.1, "bytes": [115, 111], "top_logprobs": []}], "refusal": None}
PROBS = [{"token": "so", "logprob": -0.1, "bytes": [115, 111], "top_logprobs": []}]


@pytest.mark.parametrize(("client", "provider"), [(OPENAI, RESPONSES), (RESPONSES, OPENAI)])
def test_log_probabilities_go_both_ways_between_openais_formats(client: str, provider: str) -> None:
    """Whole and streamed."""
    message = {"type": "message", "role": "assistant", "id": "m", "status": "completed"}
    part = {"type": "output_text", "text": "so", "annotations": [], "logprobs": PROBS}
    response = {"id": "r", "status": "completed", "model": "m", "output": [{**message, "content": [part]}], "usage": {}}
    choice = {"index": 0, "message": {"role": "assistant", "content": "so"}, "logprobs": CHAT_PROBS}
    chat = {"id": "c", "model": "m", "choices": [{**choice, "finish_reason": "stop"}]}
    reply = protocol(provider).decode_reply(json.dumps(chat if provider == OPENAI else response).encode())
    told = json.loads(protocol(client).encode_reply(reply, ReplyContext("m")))
    if client == OPENAI:
        assert told["choices"][0]["logprobs"]["content"] == PROBS
    else:
        assert told["output"][0]["content"][0]["logprobs"] == PROBS
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "so"}
    chunk = {"index": 0, "delta": {"content": "so"}, "logprobs": CHAT_PROBS}
    event = {"id": "c", "choices": [chunk]} if provider == OPENAI else {**delta, "logprobs": PROBS}
    events = protocol(provider).stream_decoder().feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    encoder = protocol(client).stream_encoder(ReplyContext("m"))
    written = [json.loads(one.data) for one in EventReader().feed(b"".join(map(encoder.encode, events)))]
    if client == OPENAI:
        assert written[-1]["choices"][0]["logprobs"]["content"] == PROBS
    else:
        assert written[-1]["logprobs"] == PROBS
