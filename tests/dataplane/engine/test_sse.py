"""The event stream reader, however its bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.sse import EventReader, EventTooLarge, ServerEvent, write_comment, write_event


def read(*pieces: bytes) -> list[tuple[str, bytes]]:
    reader = EventReader()
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.close()
    return [(event.name, event.data) for event in events]


@pytest.mark.parametrize(
    ("raw", "events"),
    [
        (b"data: a\n\n", [("", b"a")]),
        (b"data:a\n\ndata: b\n\n", [("", b"a"), ("", b"b")]),
        (b"event: ping\ndata: {}\n\n", [("ping", b"{}")]),
        (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
        (b"data: a\r\rdata: b\r\r", [("", b"a"), ("", b"b")]),
        (b"event: x\r\ndata: a\r\n\r\n", [("x", b"a")]),
        (b": comment\n\ndata: a\n\n", [("", b"a")]),
        (b"id: 7\nretry: 10\ndata\nunknown: z\n\n", [("", b"")]),
        (b"event: lost\n\ndata: a\n\n", [("", b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", b"a")]),
        ("data: x\u2028y\u0085z\n\n".encode(), [("", "x\u2028y\u0085z".encode())]),
        (b"data:  two blanks\n\n", [("", b" two blanks")]),
        (b"data: [DONE]", [("", b"[DONE]")]),
        (b"data: \xff\n\n", [("", b"\xff")]),
        (b"", []),
    ],
)
def test_events_are_read_as_the_standard_says_in_one_piece_or_byte_by_byte(
    raw: bytes, events: list[tuple[str, bytes]]
) -> None:
    assert read(raw) == events
    assert read(*(raw[i : i + 1] for i in range(len(raw)))) == events


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_cuts_never_change_what_is_read(raw: bytes, cuts: list[int]) -> None:
    raw = raw.replace(b"\x00", b"\r").replace(b"\x01", b"\n").replace(b"\x02", b"data: ")
    places = sorted({min(cut, len(raw)) for cut in cuts})
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    assert read(*pieces) == read(raw)


def test_a_peer_that_never_ends_a_line_is_stopped() -> None:
    reader = EventReader(limit=100)
    for _ in range(10):
        reader.feed(b"data: xxxx")
    with pytest.raises(EventTooLarge):
        reader.feed(b"x")
    with pytest.raises(EventTooLarge):
        EventReader(limit=10).feed(b"data: 0123456789\n")
    with pytest.raises(EventTooLarge):
        EventReader(limit=20).feed(b"data: 0123456789\n" * 3)


@given(st.binary(max_size=100).map(lambda data: data.replace(b"\r", b"\n")), st.sampled_from(["", "error"]))
def test_what_is_written_is_read_again(data: bytes, name: str) -> None:
    assert EventReader().feed(write_event(data, name)) == [ServerEvent(name, data)]


def test_a_comment_is_no_event() -> None:
    assert read(write_comment("keep\nalive")) == []
