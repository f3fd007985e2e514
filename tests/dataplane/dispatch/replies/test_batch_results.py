"""What the results of a batch of messages come to."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from tollhouse.dataplane.chat import Special
from tollhouse.dataplane.dispatch.replies.kept import reader_for
from tollhouse.dataplane.protocol import UsageReader

PATH = "/v1/messages/batches/msgbatch_1/results"


def line(model: str, read: int, written: int, **more: Any) -> bytes:
    """What one request came to."""
    message = {"model": model, "content": [], "usage": {"input_tokens": read, "output_tokens": written, **more}}
    return json.dumps({"custom_id": "a", "result": {"type": "succeeded", "message": message}}).encode() + b"\n"


BODY = (
    line("claude-haiku-4-5", 10, 5, server_tool_use={"web_search_requests": 2})
    + json.dumps({"custom_id": "b", "result": {"type": "errored", "error": {}}}).encode()
    + b"\nno json\n"
    + line("claude-opus-4-5", 100, 50, cache_read_input_tokens=40)
)


def read(data: bytes, size: int, *, whole: bool = True) -> UsageReader:
    """The reader, after the body came in pieces."""
    reader = reader_for(PATH)
    assert reader is not None
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        assert reader.feed(piece) == piece
    reader.ended = whole
    assert reader.close() == b""
    return reader


def test_lines_are_added_up_however_they_come() -> None:
    """In the batch tier, in the batch's name; the last line may lack its end."""
    for size in (1, 7, 10_000):
        for data in (BODY, BODY.rstrip()):
            reader = read(data, size)
            assert reader.reported
            usage = reader.usage
            assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (150, 40, 55)
            assert usage.special is not None
            parts = {model: (used.input_tokens, used.output_tokens) for model, used in usage.special.parts}
            assert parts == {"claude-haiku-4-5": (10, 5), "claude-opus-4-5": (140, 50)}
            assert msgspec.structs.replace(usage.special, parts=()) == Special(
                tier="batch", web_searches=2, answer="msgbatch_1", kept="read", model="claude-opus-4-5"
            )


def test_results_that_broke_off_are_charged_when_they_are_read_again() -> None:
    assert not read(BODY, 64, whole=False).reported
    assert not read(b"", 1).reported
