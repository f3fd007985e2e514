"""Usage is found in whatever passes, wherever it stands and however the bytes are cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.chat import Usage

from tests.support.protocols import protocol

PICTURE = json.dumps({"data": [{"b64_json": "A" * 300}], "usage": {"input_tokens": 5, "output_tokens": 90}}).encode()
DELTA: dict[str, Any] = {"type": "transcript.text.delta", "delta": 'the "usage": {"total_tokens": 1}'}
DONE: dict[str, Any] = {
    "type": "transcript.text.done",
    "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45},
}
EVENTS = b"".join(
    b"event: %s\ndata: %s\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in (DELTA, DONE)
)
TOLD = {PICTURE: Usage(5, output_tokens=90), EVENTS: Usage(14, output_tokens=45)}


@given(st.sampled_from(list(TOLD)), st.sets(st.integers(0, 700), max_size=40))
def test_it_is_found_however_the_bytes_are_cut(data: bytes, cuts: set[int]) -> None:
    reader = protocol("openai_passthrough").usage_reader(hide_usage=False)
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert b"".join(map(reader.feed, pieces)) + reader.close() == data
    assert (reader.usage, reader.reported) == (TOLD[data], True)


@pytest.mark.parametrize(
    "data",
    [
        b'{"data":[]}',
        b'{"usage":null}',
        b'{"usage":',
        b'{"text":"\\"usage\\": {\\"total_tokens\\": 9}"}',
        b"\xff\x00" * 99,
    ],
)
def test_what_tells_none_reports_none(data: bytes) -> None:
    reader = protocol("openai_passthrough").usage_reader(hide_usage=False)
    assert reader.feed(data) + reader.close() == data
    assert not reader.reported
