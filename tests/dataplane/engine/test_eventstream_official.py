"""Event-stream framing, as botocore's own parser reads it."""

from __future__ import annotations

import struct
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.engine.eventstream import BrokenStream, MessageReader, write_message

NAMES = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=40)
HEADERS = st.dictionaries(NAMES, st.text(max_size=60), max_size=4)
OTHERS = (
    b"\x00",
    b"\x01",
    b"\x02\x7f",
    b"\x03" + struct.pack(">h", -5),
    b"\x04" + struct.pack(">i", 1 << 20),
    b"\x05" + struct.pack(">q", 1 << 40),
    b"\x06\x00\x03raw",
    b"\x08" + struct.pack(">q", 1_764_046_800_000),
    b"\x09" + bytes(range(16)),
)
"""A value of each type besides text."""


def message(headers: dict[str, bytes], payload: bytes) -> bytes:
    """A message with header values as they stand in it."""
    told = b"".join(bytes([len(name)]) + name.encode() + value for name, value in headers.items())
    sizes = struct.pack(">II", 16 + len(told) + len(payload), len(told))
    whole = sizes + struct.pack(">I", crc32(sizes)) + told + payload
    return whole + struct.pack(">I", crc32(whole))


def theirs(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """What botocore reads."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(dict(one.headers), one.payload) for one in buffer]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(HEADERS, st.binary(max_size=300)), min_size=1, max_size=4), st.integers(1, 50))
def test_what_is_written_botocore_reads_and_so_do_we(told: list[tuple[dict[str, str], bytes]], size: int) -> None:
    raw = b"".join(write_message(headers, payload) for headers, payload in told)
    assert theirs(raw) == told
    reader = MessageReader()
    ours = [one for at in range(0, len(raw), size) for one in reader.feed(raw[at : at + size])]
    assert [(one.headers, one.payload) for one in ours] == told


@given(st.dictionaries(NAMES, st.sampled_from(OTHERS), max_size=6), NAMES, st.binary(max_size=50))
def test_headers_of_other_types_are_passed_over(others: dict[str, bytes], name: str, payload: bytes) -> None:
    raw = message({**others, name: b"\x07\x00\x05hello"}, payload)
    [(headers, body)] = theirs(raw)
    [read] = MessageReader().feed(raw)
    assert read.payload == body
    assert read.headers == {key: value for key, value in headers.items() if isinstance(value, str)}


@given(st.integers(0, 60), st.integers(1, 255))
def test_what_botocore_calls_damaged_is_damaged(position: int, flip: int) -> None:
    raw = bytearray(write_message({":event-type": "metadata"}, b'{"usage":{"inputTokens":1}}'))
    raw[position % 8 + 8] ^= flip  # in a length's checksum: the same verdict without waiting for more bytes
    with pytest.raises(ChecksumMismatch):
        theirs(bytes(raw)) if position % 8 < 4 else theirs(_damaged(raw))
    with pytest.raises(BrokenStream):
        MessageReader().feed(bytes(raw)) if position % 8 < 4 else MessageReader().feed(_damaged(raw))


def _damaged(raw: bytearray) -> bytes:
    raw[-1] ^= 1
    return bytes(raw)
