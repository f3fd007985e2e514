"""What providers say an answer costs, whole and streamed: usage as their documentation shows it, times their prices."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane import registry
from tollhouse.dataplane.chat import Usage, UsageReported
from tollhouse.dataplane.engine.pricing import cost, worst_case
from tollhouse.proto.catalog import lookup, source
from tollhouse.proto.units import usd_to_nano

GOLDEN = Path(__file__).parents[2] / "golden" / "costs"
CASES = [case for file in sorted(GOLDEN.glob("*.json")) for case in json.loads(file.read_text())]


def whole(case: dict[str, Any]) -> Usage:
    """The usage read from a whole answer."""
    usage, protocol = case["usage"], case["protocol"]
    bodies: dict[str, dict[str, Any]] = {
        "openai_chat": {"model": "m", "choices": [{"message": {"content": "hi"}}], "usage": usage},
        "openai_responses": {"model": "m", "output": [], "usage": usage},
        "openai_passthrough": {"created": 1, "data": [{"b64_json": "aGk="}], "usage": usage},
        "anthropic_messages": {"model": "m", "content": [], "usage": usage},
        "gemini_generate": {"candidates": [{}], "modelVersion": "m", "usageMetadata": usage},
        "bedrock_converse": {"output": {"message": {}}, "usage": usage},
    }
    body = {**bodies[protocol], **case.get("body", {})}
    told, _ = registry.protocols_by_name()[protocol].read_usage(json.dumps(body).encode())
    assert told is not None
    return told


def streamed(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream that tells the same; none where the format does not stream as events."""
    usage, more = case["usage"], case.get("body", {})
    if case["protocol"] == "openai_chat":
        chunk = {"object": "chat.completion.chunk", "model": "m", **more}
        said = {"index": 0, "delta": {"content": "hi"}, "finish_reason": None}
        done = {"index": 0, "delta": {}, "finish_reason": "stop"}
        return [{**chunk, "choices": [said]}, {**chunk, "choices": [done]}, {**chunk, "choices": [], "usage": usage}]
    if case["protocol"] == "openai_responses":
        response = {"id": "resp_1", "status": "completed", "output": [], "usage": usage, **more}
        return [
            {"type": "response.output_text.delta", "delta": "hi"},
            {"type": "response.completed", "response": response},
        ]
    if case["protocol"] == "anthropic_messages":
        begun = {**usage, "output_tokens": 1}
        begun.pop("server_tool_use", None)
        ended = {name: usage[name] for name in ("output_tokens", "server_tool_use") if name in usage}
        return [
            {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [], "usage": begun}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": ended},
            {"type": "message_stop"},
        ]
    if case["protocol"] == "gemini_generate":
        said = {"content": {"parts": [{"text": "hi"}]}}
        begun = {"promptTokenCount": usage["promptTokenCount"]}
        return [
            {"candidates": [said], "usageMetadata": begun},
            {"candidates": [{**said, "finishReason": "STOP"}], "usageMetadata": usage},
        ]
    return []


def charged(case: dict[str, Any], usage: Usage) -> int:
    """By the bundled table, as nodes do."""
    price = lookup(case["vendor"], case["model"], date.fromisoformat(case["day"])).price
    assert price is not None
    assert price.source == source()
    return cost(usage, price)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_whole_answers_cost_what_the_documentation_says(case: dict[str, Any]) -> None:
    """To the nano-dollar."""
    usage = whole(case)
    assert charged(case, usage) == usd_to_nano(case["usd"]), case["sum"]
    assert (usage.special.tier if usage.special is not None else "") == case.get("tier", "")


@pytest.mark.parametrize("case", [case for case in CASES if streamed(case)], ids=lambda case: case["name"])
def test_streams_cost_the_same(case: dict[str, Any]) -> None:
    """Watched as they pass, and decoded for another format."""
    protocol = registry.protocols_by_name()[case["protocol"]]
    named = case["protocol"] in ("openai_responses", "anthropic_messages")
    pieces = [
        b"".join([b"event: ", str(event["type"]).encode(), b"\n"] if named else [])
        + b"data: "
        + json.dumps(event).encode()
        + b"\n\n"
        for event in streamed(case)
    ]
    if case["protocol"] == "openai_chat":
        pieces.append(b"data: [DONE]\n\n")
    reader = protocol.usage_reader(hide_usage=False)
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    assert reader.ended
    assert charged(case, reader.usage) == usd_to_nano(case["usd"]), case["sum"]
    decoder = protocol.stream_decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
    told = [event.usage for event in events if isinstance(event, UsageReported)]
    assert charged(case, told[-1]) == usd_to_nano(case["usd"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_reservation_covers_it(case: dict[str, Any]) -> None:
    """Of a text request at the tier that is served; searches nobody knows before."""
    usage = whole(case)
    price = lookup(case["vendor"], case["model"], date.fromisoformat(case["day"])).price
    assert price is not None
    special = usage.special
    if special is not None and (special.audio_input or special.image_input or special.web_searches):
        return
    table = price.service(case.get("tier", ""))
    assert charged(case, usage) <= worst_case(usage.input_tokens, usage.output_tokens, table)
