"""Messages streams of Anthropic and of servers that are not quite it."""

from __future__ import annotations

import json
from typing import Any

from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
)

from tests.support.protocols import ANTHROPIC, protocol


def read(*events: dict[str, Any]) -> list[Event]:
    decoder = protocol(ANTHROPIC).stream_decoder()
    found: list[Event] = []
    for event in events:
        found += decoder.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    return found + decoder.close()


def test_servers_that_give_all_the_input_at_once_or_no_stop_are_read() -> None:
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    events = read(
        {"type": "message_start", "message": {"id": "1", "model": "m"}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "message_stop"},
    )
    assert events[1:] == [
        PartStarted(0, 0, "tool_call", "a", "f"),
        ArgumentsDelta(0, 0, '{"x":1}'),
        PartEnded(0, 0),
        Finished(0, "tool_calls"),
        Ended(),
    ]


def test_a_stream_that_named_its_reason_is_whole_without_message_stop() -> None:
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}
    assert read({"type": "message_start", "message": {}}, end)[-1] == Ended()
    assert Ended() not in read({"type": "message_start", "message": {}})


def test_deltas_of_unknown_blocks_and_unknown_events_are_passed_over() -> None:
    assert read({"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "x"}}) == []
    assert read({"type": "brand_new_event"}, {"type": "ping"}) == []


def test_nothing_follows_a_failure() -> None:
    events = read(
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"type": "message_stop"},
    )
    assert events == [Failed("overloaded_error", "Overloaded")]
