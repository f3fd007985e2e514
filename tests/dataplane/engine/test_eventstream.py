"""AWS's event-stream framing, by a published message and by pieces of every size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.eventstream import BrokenStream, Message, MessageReader, write_message

PUBLISHED = (
    bytes.fromhex("0000003d0000002007fd8396")
    + b"\x0ccontent-type\x07\x00\x10application/json"
    + b"{'foo':'bar'}"
    + bytes.fromhex("8d9c08b1")
)


def test_the_published_message_is_read_and_written() -> None:
    message = Message({"content-type": "application/json"}, b"{'foo':'bar'}")
    assert MessageReader().feed(PUBLISHED) == [message]
    assert write_message(message.headers, message.payload) == PUBLISHED


@given(st.lists(st.binary(max_size=80), max_size=5), st.integers(1, 40))
def test_messages_come_out_however_the_bytes_were_cut(payloads: list[bytes], size: int) -> None:
    raw = b"".join(write_message({":event-type": "x"}, payload) for payload in payloads)
    reader = MessageReader()
    read = [message for at in range(0, len(raw), size) for message in reader.feed(raw[at : at + size])]
    assert [message.payload for message in read] == payloads
    assert reader.empty


@given(st.binary(min_size=12, max_size=200))
def test_other_bytes_are_refused_or_waited_on_and_nothing_else(data: bytes) -> None:
    try:
        MessageReader().feed(data)
    except BrokenStream:
        pass


@pytest.mark.parametrize("position", [2, 10, 20, 50, 60])
def test_a_flipped_bit_is_noticed(position: int) -> None:
    broken = bytearray(PUBLISHED)
    broken[position] ^= 1
    with pytest.raises(BrokenStream):
        MessageReader().feed(bytes(broken))
