"""What goes to Bedrock and what comes back, from and to every format clients speak."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import Ended, Failed, Finished, TextDelta, Thinking, ToolCall, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.eventstream import write_message
from tollhouse.dataplane.errors import ClientError, GatewayFault, UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.golden import FORMATS, cases, load
from tests.support.protocols import ANTHROPIC, OPENAI, decoded, document, protocol, written

BEDROCK = protocol("bedrock_converse")
KINDS = {"text", "toolUse", "toolResult", "image", "document", "reasoningContent", "cachePoint"}
REFUSED = {
    ("openai_chat", "images"): "by URL",
    ("anthropic_messages", "documents"): "by URL",
    ("openai_responses", "kept_elsewhere"): "previous_response_id",
    ("gemini_generate", "cached_content"): "cachedContent",
}


def stream(*events: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(
        write_message({":message-type": "event", ":event-type": name}, json.dumps(body).encode())
        for name, body in events
    )


TOOLS = stream(
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm."}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "sig"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Looking."}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "f"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"a":'}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": "1}"}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 5, "outputTokens": 9, "cacheReadInputTokens": 7}}),
)


@pytest.mark.parametrize(("name", "case"), cases("requests", ".json"))
def test_every_fixture_becomes_a_request_bedrock_takes_or_is_refused_by_name(name: str, case: str) -> None:
    chat = protocol(name).decode_request(RequestDocument(load(name, "requests", case)))
    if (name, case) in REFUSED:
        with pytest.raises(ClientError, match=REFUSED[name, case]):
            BEDROCK.encode_request(chat, max_output_tokens=16384)
        return
    body = BEDROCK.encode_request(chat, max_output_tokens=16384).body
    assert body["messages"][0]["role"] == "user"
    names = {tool["toolSpec"]["name"] for tool in body.get("toolConfig", {}).get("tools", []) if "toolSpec" in tool}
    before = ""
    for message in body["messages"]:
        assert message["role"] != before
        before = message["role"]
        for block in message["content"]:
            assert len(block) == 1
            assert set(block) <= KINDS
            if "toolUse" in block:
                assert names
            assert block.get("text") != ""
    assert "model" not in body


@pytest.mark.parametrize("target", FORMATS)
def test_streams_reach_every_format(target: str) -> None:
    decoder = BEDROCK.stream_decoder()
    events = [event for at in range(0, len(TOOLS), 7) for event in decoder.feed(TOOLS[at : at + 7])] + decoder.close()
    assert events == BEDROCK.stream_decoder().feed(TOOLS)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Looking."
    assert events[-2:] == [Finished(0, "tool_calls"), Ended()]
    told = json.dumps(written(target, events, provider_format=BEDROCK.name))
    assert "Looking." in told
    assert "t1" in told


def test_usage_counts_the_cache_in() -> None:
    usages = [event.usage for event in BEDROCK.stream_decoder().feed(TOOLS) if getattr(event, "usage", None)]
    assert usages == [Usage(input_tokens=12, cached_tokens=7, output_tokens=9)]


def test_what_was_written_for_an_hour_is_counted_apart() -> None:
    details = [{"ttl": "1h", "inputTokens": 6}, {"ttl": "5m", "inputTokens": 2}]
    usage = {"inputTokens": 1, "outputTokens": 2, "cacheWriteInputTokens": 8, "cacheDetails": details}
    raw = json.dumps({"output": {}, "usage": usage}).encode()
    assert BEDROCK.read_usage(raw) == (Usage(9, 0, 2, 6, output_tokens=2), "")


def test_an_hours_mark_stays_one() -> None:
    content = [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    chat = decoded(ANTHROPIC, model="m", max_tokens=9, messages=[{"role": "user", "content": content}])
    body = BEDROCK.encode_request(chat, max_output_tokens=None).body
    assert body["messages"][0]["content"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}


def test_claudes_signed_thinking_comes_back_to_bedrock() -> None:
    events = BEDROCK.stream_decoder().feed(TOOLS)
    thought = next(
        event for event in written(ANTHROPIC, events, provider_format=BEDROCK.name) if "sign" in str(event.get("delta"))
    )
    said = [
        {"type": "thinking", "thinking": "Hm.", "signature": thought["delta"]["signature"]},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
    ]
    chat = decoded(
        ANTHROPIC,
        model="anthropic.claude-sonnet-4-5",
        max_tokens=9000,
        thinking={"type": "enabled", "budget_tokens": 2000},
        messages=[
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": said},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "1"}]},
        ],
    )
    body = BEDROCK.encode_request(chat, max_output_tokens=None).body
    told = {"reasoningText": {"text": "Hm.", "signature": "sig"}}
    assert body["messages"][1]["content"][0] == {"reasoningContent": told}
    assert body["additionalModelRequestFields"]["thinking"] == {"type": "enabled", "budget_tokens": 2000}


@pytest.mark.parametrize(
    ("kind", "status"), [("throttlingException", 429), ("validationException", 400), ("modelTimeoutException", 504)]
)
def test_exceptions_inside_a_stream_are_failures(kind: str, status: int) -> None:
    raw = write_message({":message-type": "exception", ":exception-type": kind}, b'{"message":"It broke."}')
    [failed] = BEDROCK.stream_decoder().feed(raw)
    assert isinstance(failed, Failed)
    assert (failed.status, failed.message) == (status, "It broke.")


def test_a_stream_that_breaks_does_not_end() -> None:
    decoder = BEDROCK.stream_decoder()
    events = decoder.feed(TOOLS[:-400]) + decoder.close()
    assert not any(isinstance(event, Ended | Finished) for event in events)
    [failed] = BEDROCK.stream_decoder().feed(b"x" * 16)
    assert isinstance(failed, Failed)


def test_whole_replies_are_read() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
        {"text": "Looking."},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
    ]
    body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use"}
    raw = json.dumps({**body, "usage": {"inputTokens": 1, "outputTokens": 2}}).encode()
    reply = BEDROCK.decode_reply(raw)
    assert reply.choices[0].parts[0] == Thinking("Hm.", "s")
    assert reply.choices[0].parts[2] == ToolCall("t1", "f", '{"a":1}')
    assert BEDROCK.read_usage(raw) == (reply.usage, "")
    assert b"Looking." in protocol(OPENAI).encode_reply(reply, ReplyContext("m", request_id="r"))
    with pytest.raises(UpstreamError):
        BEDROCK.decode_reply(b"{}")


def test_no_client_is_served_in_it() -> None:
    assert not BEDROCK.claims("/model/x/converse", None)
    with pytest.raises(GatewayFault):
        BEDROCK.decode_request(document({}))
