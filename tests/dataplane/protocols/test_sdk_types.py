"""What we write is what the official SDKs read: their own types check every conversion."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tollhouse.dataplane.engine.sse import EventReader
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.golden import FORMATS, cases, load

STREAM_EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
RESPONSE_EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
REPLIES: dict[str, Any] = {
    "openai_chat": ChatCompletion,
    "anthropic_messages": Message,
    "openai_responses": Response,
}
CONTEXT = ReplyContext(model="m", stream_usage=True, request_id="r1")


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("name", "case"), cases("replies", ".json"))
def test_replies_are_valid(name: str, case: str, target: str) -> None:
    reply = protocols_by_name()[name].decode_reply(load(name, "replies", case))
    body = protocols_by_name()[target].encode_reply(reply, CONTEXT)
    if target == "gemini_generate":
        check_gemini_events([json.loads(body)], whole=True)
        return
    REPLIES[target].model_validate_json(body, strict=False)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("name", "case"), cases("streams", ".sse"))
def test_streams_are_valid_and_in_order(name: str, case: str, target: str) -> None:
    decoder = protocols_by_name()[name].stream_decoder()
    encoder = protocols_by_name()[target].stream_encoder(CONTEXT)
    events = decoder.feed(load(name, "streams", case, ".sse")) + decoder.close()
    written = EventReader().feed(b"".join(map(encoder.encode, events)))
    bodies = [json.loads(event.data) for event in written if event.data != b"[DONE]"]
    if target == "openai_chat":
        check_chunks([body for body in bodies if "error" not in body])
        assert all(event.name == "" for event in written)
    elif target == "gemini_generate":
        check_gemini_events(bodies, whole=case != "cut")
    elif target == "openai_responses":
        check_response_events(bodies, whole=case != "cut")
    else:
        assert [event.name for event in written] == [body["type"] for body in bodies]
        check_messages([body for body in bodies if body["type"] != "error"])


def check_chunks(bodies: list[dict]) -> None:
    chunks = [ChatCompletionChunk.model_validate(body) for body in bodies]
    assert chunks[0].choices[0].delta.role == "assistant"
    seen: set[int] = set()
    for chunk in chunks:
        if not chunk.choices:
            assert chunk.usage is not None
            assert chunk is chunks[-1]
        for call in chunk.choices[0].delta.tool_calls or () if chunk.choices else ():
            if call.index not in seen:
                assert call.id
                assert call.type == "function"
                assert call.function is not None
                assert call.function.name
            seen.add(call.index)


def check_messages(bodies: list[dict]) -> None:
    opened: int | None = None
    expected = 0
    for body in bodies:
        if body["type"] == "content_block_start" and body["content_block"]["type"].endswith("_tool_result"):
            assert body["content_block"]["content"] == []  # kept as it came
        else:
            STREAM_EVENT.validate_python(body)
        if body["type"] == "content_block_start":
            assert opened is None
            assert body["index"] == expected
            opened = expected
        elif body["type"] == "content_block_delta":
            assert body["index"] == opened
        elif body["type"] == "content_block_stop":
            assert body["index"] == opened
            opened, expected = None, expected + 1
    assert bodies[0]["type"] == "message_start"
    if bodies[-1]["type"] == "message_stop":
        assert bodies[-2]["type"] == "message_delta"
        assert opened is None


def check_response_events(bodies: list[dict], *, whole: bool) -> None:
    """Numbers without gaps; items announced before they are filled, whole at their end; one last event."""
    assert [body["sequence_number"] for body in bodies] == list(range(len(bodies)))
    assert [body["type"] for body in bodies[:2]] == ["response.created", "response.in_progress"]
    announced: dict[int, str] = {}
    done: dict[int, dict] = {}
    for body in bodies:
        RESPONSE_EVENT.validate_python(body)
        if body["type"] == "response.output_item.added":
            assert body["output_index"] == len(announced)
            announced[body["output_index"]] = body["item"].get("id", "")
        elif body["type"] == "response.output_item.done":
            assert announced[body["output_index"]] == body["item"].get("id", "")
            done[body["output_index"]] = body["item"]
        elif "item_id" in body:
            assert announced[body["output_index"]] == body["item_id"]
            assert body["output_index"] not in done
    last = bodies[-1]
    if not whole:
        return
    assert last["type"] in ("response.completed", "response.incomplete", "response.failed")
    assert last["response"]["output"] == [item for _, item in sorted(done.items())]


def check_gemini_events(bodies: list[dict], *, whole: bool) -> None:
    """Every event a candidate with parts of one kind each; the last names a reason and the usage. (Google's own SDK
    reads them in tests/clients: it is too large for the development environment.)"""
    for body in bodies:
        for candidate in body.get("candidates", ()):
            assert candidate["content"]["role"] == "model"
            for part in candidate["content"]["parts"]:
                assert len({"text", "functionCall", "inlineData"} & set(part)) == 1
                assert isinstance(part.get("functionCall", {}).get("args", {}), dict)
    last = bodies[-1]
    if whole and "error" not in last:
        assert all(candidate["finishReason"] for candidate in last["candidates"])
        assert last["usageMetadata"]["totalTokenCount"] >= last["usageMetadata"]["promptTokenCount"]
