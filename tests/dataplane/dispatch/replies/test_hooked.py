"""Streams that hooks look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tollhouse.dataplane.chat import Event, TextDelta
from tollhouse.dataplane.dispatch.replies.hooked import HookedLeg
from tollhouse.dataplane.engine.sse import EventReader
from tollhouse.dataplane.errors import ClientError, UpstreamError
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.golden import ROOT

STREAMS = sorted(ROOT.glob("*/streams/*.sse"))


def leg_of(protocol: str, hooks: Callable[[Event], list[Any]]) -> HookedLeg:
    """A leg between two sides that speak one format."""
    spoken = protocols_by_name()[protocol]
    return HookedLeg(spoken.stream_decoder(), spoken.stream_encoder(ReplyContext("m", True)), hooks)


def relay(leg: HookedLeg, data: bytes, size: int) -> bytes:
    """What comes out when it comes in pieces of one size."""
    out = []
    for at in range(0, len(data), size):
        leg.feed(data[at : at + size])
        out.append(leg.take())
    leg.close()
    return b"".join([*out, leg.take()])


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_what_hooks_leave_alone_passes_byte_for_byte(path: Any, size: int) -> None:
    """However the stream is cut, and also when a hook holds everything back by one event."""
    data = path.read_bytes()
    protocol = path.parts[-3]
    if b"event: error" in data or b'"error"' in data:
        pytest.skip("a stream that fails is ended by us")
    end = max(data.rfind(b"\n\n") + 2, data.rfind(b"\r\n\r\n") + 4)
    whole = data[:end] if path.stem == "cut" else data
    assert relay(leg_of(protocol, lambda event: [event]), data, size) == whole
    held: list[Event] = []

    def late(event: Event) -> list[Event]:
        held.append(event)
        last = type(event).__name__ == "Ended"
        out = held[:] if last else held[:-1]
        del held[: len(out)]
        return out

    if path.stem != "cut":  # there the hook never learns of the end
        assert relay(leg_of(protocol, late), data, size) == data


def test_the_piece_of_an_event_a_stream_breaks_in_is_not_shown() -> None:
    """The error that follows it could not be read."""
    leg = leg_of("openai_chat", lambda event: [event])
    leg.feed(b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\ndata: {"id":"x","cho')
    leg.close()
    shown = leg.take() + leg.error(UpstreamError(502, "provider_cut", "It broke off."), "r")
    assert [json.loads(event.data).get("id") for event in EventReader().feed(shown)] == ["x", None]
    assert b"provider_cut" in shown


def test_changed_words_are_encoded_and_the_rest_is_not() -> None:
    """One word differs; the bytes around it are the provider's."""
    first = b'data: {"id":"a","odd":1,"model":"m","choices":[{"index":0,"delta":{"content":"one"}}]}\n\n'
    second = b'data: {"id":"a","odd":2,"model":"m","choices":[{"index":0,"delta":{"content":"two"}}]}\n\n'
    third = b'data: {"id":"a","odd":3,"model":"m","choices":[{"index":0,"delta":{"content":"three"}}]}\n\n'

    def change(event: Event) -> list[Event]:
        return [replace(event, text="2")] if isinstance(event, TextDelta) and event.text == "two" else [event]

    out = relay(leg_of("openai_chat", change), first + b": ping\n\n" + second + third, 5)
    assert out.startswith(first + b": ping\n\n")
    assert out.endswith(third)
    assert b'"odd":2' not in out
    assert b'"content":"2"' in out


def test_dropped_events_do_not_stop_the_others() -> None:
    """What a hook swallows is gone, what follows passes as it came."""
    first = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"one"}}]}\n\n'
    second = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"two"}}]}\n\n'
    third = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"three"}}]}\n\n'
    drop = lambda event: [] if isinstance(event, TextDelta) and event.text == "two" else [event]  # noqa: E731
    assert relay(leg_of("openai_chat", drop), first + second + third, 9) == first + third


def test_a_refusal_comes_after_what_was_ready() -> None:
    """Nothing that was let go before is lost."""
    first = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"one"}}]}\n\n'
    second = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"bad"}}]}\n\n'

    def refuse(event: Event) -> list[Event]:
        if isinstance(event, TextDelta) and event.text == "bad":
            raise ClientError(400, "no", "no")
        return [event]

    leg = leg_of("openai_chat", refuse)
    leg.feed(first)
    assert leg.take() == first
    leg.feed(first + second)
    assert leg.take() == first
    with pytest.raises(ClientError):
        leg.take()
