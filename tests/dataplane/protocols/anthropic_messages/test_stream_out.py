"""Blocks in order and never two at once, whatever the source does."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Event,
    Finished,
    Opaque,
    PartEnded,
    PartStarted,
    ReplyStarted,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.protocols import ANTHROPIC, protocol, written


@given(st.permutations([(0, "a"), (0, "b"), (1, "c"), (1, "d"), (2, "e")]), st.booleans())
def test_interleaved_calls_come_out_one_after_the_other(order: list[tuple[int, str]], ended: bool) -> None:
    events: list[Event] = [ReplyStarted("c", "m")]
    events += [PartStarted(0, index, "tool_call", f"id{index}", "f") for index in range(3)]
    events += [ArgumentsDelta(0, index, text) for index, text in order]
    if ended:
        events += [PartEnded(0, index) for index in range(3)]
    bodies = written(ANTHROPIC, [*events, Finished(0, "tool_calls"), Ended()])
    opened: int | None = None
    arguments: dict[int, str] = {0: "", 1: "", 2: ""}
    for body in bodies:
        if body["type"] == "content_block_start":
            assert opened is None
            opened = body["index"]
        elif body["type"] == "content_block_delta":
            assert body["index"] == opened
            arguments[body["index"]] += body["delta"]["partial_json"]
        elif body["type"] == "content_block_stop":
            opened = None
    expected = {index: "".join(text for at, text in order if at == index) for index in range(3)}
    assert arguments == expected
    assert bodies[-2]["delta"]["stop_reason"] == "tool_use"


def test_usage_comes_with_message_delta_cached_tokens_apart() -> None:
    usage = Usage(21, cached_tokens=5, cache_write_tokens=6, output_tokens=9)
    events = [ReplyStarted("c", "m"), Finished(0, "stop_sequence", "END"), UsageReported(usage), Ended()]
    delta = written(ANTHROPIC, events)[-2]
    assert delta["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert delta["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 6,
        "cache_read_input_tokens": 5,
        "output_tokens": 9,
    }


def test_a_name_is_restored_and_an_id_made_legal() -> None:
    events = [ReplyStarted("c", "m"), PartStarted(0, 0, "tool_call", "call:1", "sent")]
    block = written(ANTHROPIC, events, renamed_tools={"sent": "own"})[1]["content_block"]
    assert block["name"] == "own"
    assert block["id"].startswith("call_1_")


def test_signatures_and_opaque_parts_survive_their_own_format() -> None:
    opaque = Opaque(ANTHROPIC, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})
    events = [
        ReplyStarted("c", "m"),
        PartStarted(0, 0, "thinking"),
        ThinkingDelta(0, 0, signature="c2ln"),
        PartEnded(0, 0),
        PartStarted(0, 1, "opaque", opaque=opaque),
        PartEnded(0, 1),
        PartStarted(0, 2, "opaque", opaque=Opaque("other", {"type": "x"})),
        PartEnded(0, 2),
    ]
    bodies = written(ANTHROPIC, events)
    assert bodies[2]["delta"] == {"type": "signature_delta", "signature": "c2ln"}
    assert bodies[4]["content_block"] == opaque.value
    assert len(bodies) == 6


def test_an_error_is_an_error_event() -> None:
    encoder = protocol(ANTHROPIC).stream_encoder(ReplyContext("m"))
    raw = encoder.error(UpstreamError(529, "overloaded_error", "Overloaded"), "r1")
    assert raw.startswith(b"event: error\ndata: ")
    body = json.loads(raw.split(b"data: ")[1])
    assert body["error"] == {"type": "overloaded_error", "message": "Overloaded", "code": "overloaded_error"}
    assert body["request_id"] == "r1"


def test_a_refusal_after_text_is_told_in_stop_details_only() -> None:
    events = [
        ReplyStarted("c", "m"),
        PartStarted(0, 0, "text"),
        TextDelta(0, 0, "Well"),
        PartEnded(0, 0),
        PartStarted(0, 1, "refusal"),
        TextDelta(0, 1, "no"),
        PartEnded(0, 1),
        Finished(0, "refusal"),
        Ended(),
    ]
    bodies = written(ANTHROPIC, events)
    assert [body["type"] for body in bodies].count("content_block_start") == 1
    assert bodies[-2]["delta"]["stop_details"]["explanation"] == "no"
