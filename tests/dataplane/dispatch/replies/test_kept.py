"""What is charged of a thing that a provider kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.replies.kept import reader_for

USAGE = {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 10}
RESPONSE = {"id": "resp_1", "status": "completed", "background": False, "model": "gpt-5-2025-08-07", "usage": USAGE}
BATCH = {"id": "batch_1", "object": "batch", "status": "completed", "model": "gpt-5", "usage": USAGE}


def read(path: str, body: bytes) -> Any:
    """The reader, after a body that came in two pieces."""
    reader = reader_for(path)
    assert reader is not None
    assert reader.feed(body[:30]) == body[:30]
    reader.feed(body[30:])
    assert reader.close() == b""
    return reader


def test_a_finished_batch_is_read_in_the_batch_tier() -> None:
    """Once it has its sums; by its id."""
    reader = read("/v1/batches/batch_1", json.dumps(BATCH).encode())
    assert reader.reported
    assert (reader.usage.input_tokens, reader.usage.cached_tokens, reader.usage.output_tokens) == (100, 40, 10)
    special = reader.usage.special
    assert (special.tier, special.kept, special.answer, special.model) == ("batch", "read", "batch_1", "gpt-5")


@pytest.mark.parametrize(("background", "kept"), [(False, "mend"), (True, "read"), (None, "mend")])
def test_a_response_that_was_answered_at_once_was_charged_then(background: bool | None, kept: str) -> None:
    """What was made in the background is charged when it is read."""
    body = json.dumps({**RESPONSE, "background": background, "service_tier": "flex"}).encode()
    special = read("/api/v1/responses/resp_1", body).usage.special
    assert (special.tier, special.kept, special.answer) == ("flex", kept, "resp_1")


def test_a_response_that_is_read_as_a_stream_tells_at_its_end() -> None:
    """The last event that holds it."""
    begun = {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "usage": None}}
    done = {"type": "response.completed", "response": RESPONSE}
    body = b"".join(b"event: x\ndata: " + json.dumps(one).encode() + b"\n\n" for one in (begun, done))
    assert read("/v1/responses/resp_1", body).usage.total_tokens == 110


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({**RESPONSE, "status": "in_progress"}).encode(),
        json.dumps({**RESPONSE, "usage": None}).encode(),
        json.dumps({**RESPONSE, "usage": {"input_tokens": 0}}).encode(),
        b"{" * 50,
        b"[]",
        b"data: {}\n\n",
    ],
)
def test_what_is_not_finished_or_not_told_is_not_charged(body: bytes) -> None:
    """Nor is what is broken."""
    assert not read("/v1/responses/resp_1", body).reported


@pytest.mark.parametrize(
    "path", ["/v1/files/f/content", "/v1/files", "/v1/batches", "/v1/responses/resp_1/input_items"]
)
def test_files_and_lists_are_never_charged(path: str) -> None:
    """Whatever usage stands in them belongs to something else."""
    assert reader_for(path) is None
