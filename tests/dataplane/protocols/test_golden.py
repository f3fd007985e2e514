"""Every fixture to its own format and to every other one, whole and in pieces."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.chat import ChatReply, Ended, Event, Failed, ReplyStarted, TextDelta, UsageReported, is_content
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocol import Protocol, ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.golden import as_json, cases, check_recorded, crossings, load

STREAMS = cases("streams", ".sse")


def protocol(name: str) -> Protocol:
    return protocols_by_name()[name]


def decode_stream(name: str, pieces: list[bytes]) -> list[Event]:
    decoder = protocol(name).stream_decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def encode_stream(name: str, events: list[Event], context: ReplyContext) -> bytes:
    encoder = protocol(name).stream_encoder(context)
    return b"".join(encoder.encode(event) for event in events)


def settled(events: list[Event]) -> list[Event]:
    """The events with the last report of usage only, and none where the stream was cut: Google repeats it in each."""
    reports = [event for event in events if isinstance(event, UsageReported)]
    kept = reports[-1:] if any(isinstance(event, Ended) for event in events) else []
    return [event for event in events if not isinstance(event, UsageReported)] + kept


def nameless(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply without the ids of its output items, which say nothing."""
    for item in reply.get("output", ()):
        item.pop("id", None)
    return reply


@pytest.mark.parametrize(("name", "case"), cases("requests", ".json"))
def test_a_request_comes_out_of_its_own_format_as_it_went_in(name: str, case: str) -> None:
    raw = load(name, "requests", case)
    encoded = protocol(name).encode_request(protocol(name).decode_request(RequestDocument(raw)), max_output_tokens=None)
    assert encoded.body == json.loads(raw)
    assert encoded.dropped == []


@pytest.mark.parametrize(("name", "case", "other"), crossings("requests", ".json"))
def test_a_request_becomes_what_was_recorded_in_another_format(name: str, case: str, other: str) -> None:
    chat = protocol(name).decode_request(RequestDocument(load(name, "requests", case)))
    try:
        encoded = protocol(other).encode_request(chat, max_output_tokens=16384)
        got: dict[str, Any] = {
            "body": encoded.body,
            "dropped": encoded.dropped,
            "renamed_tools": encoded.renamed_tools,
        }
    except ClientError as error:
        got = {"refused": error.message, "param": error.param}
    check_recorded(name, "requests", case, ".json", other, as_json(got))


@pytest.mark.parametrize(("name", "case"), cases("replies", ".json"))
def test_a_reply_comes_out_of_its_own_format_as_it_went_in(name: str, case: str) -> None:
    raw = load(name, "replies", case)
    reply = protocol(name).decode_reply(raw)
    body = protocol(name).encode_reply(reply, ReplyContext(model=reply.model))
    assert nameless(json.loads(body)) == nameless(json.loads(raw))


@pytest.mark.parametrize(("name", "case", "other"), crossings("replies", ".json"))
def test_a_reply_becomes_what_was_recorded_in_another_format(name: str, case: str, other: str) -> None:
    reply = protocol(name).decode_reply(load(name, "replies", case))
    body = protocol(other).encode_reply(reply, ReplyContext(model="asked-for", request_id="r1", provider_format=name))
    check_recorded(name, "replies", case, ".json", other, body)


@pytest.mark.parametrize(("name", "case"), cases("replies", ".json"))
def test_usage_read_on_the_way_is_the_usage_decoding_finds(name: str, case: str) -> None:
    raw = load(name, "replies", case)
    reply: ChatReply = protocol(name).decode_reply(raw)
    assert protocol(name).read_usage(raw) == (reply.usage, reply.model)


@pytest.mark.parametrize(("name", "case"), STREAMS)
def test_a_stream_comes_out_of_its_own_format_with_the_same_events(name: str, case: str) -> None:
    events = decode_stream(name, [load(name, "streams", case, ".sse")])
    started = next(event for event in events if isinstance(event, ReplyStarted))
    again = encode_stream(name, events, ReplyContext(model=started.model, stream_usage=True))
    if any(isinstance(event, Failed) for event in events):
        assert [event for event in decode_stream(name, [again]) if isinstance(event, Failed)]
    elif case != "refusal" or name == "openai_chat":  # Anthropic's refusals are shown as text too, where there is none
        assert settled(decode_stream(name, [again])) == settled(events)


@pytest.mark.parametrize(("name", "case", "other"), crossings("streams", ".sse"))
def test_a_stream_becomes_what_was_recorded_in_another_format(name: str, case: str, other: str) -> None:
    events = decode_stream(name, [load(name, "streams", case, ".sse")])
    context = ReplyContext(model="asked-for", request_id="r1", stream_usage=True, provider_format=name)
    check_recorded(name, "streams", case, ".sse", other, encode_stream(other, events, context))


@pytest.mark.parametrize(("name", "case"), STREAMS)
def test_a_stream_fed_byte_by_byte_gives_the_same_events(name: str, case: str) -> None:
    raw = load(name, "streams", case, ".sse")
    assert decode_stream(name, [raw[i : i + 1] for i in range(len(raw))]) == decode_stream(name, [raw])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_stream_cut_anywhere_gives_the_same_events_and_passes_the_same_bytes(data: st.DataObject) -> None:
    name, case = data.draw(st.sampled_from(STREAMS))
    raw = load(name, "streams", case, ".sse")
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=12)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert decode_stream(name, pieces) == decode_stream(name, [raw])

    reader = protocol(name).usage_reader(hide_usage=False)
    assert b"".join([*map(reader.feed, pieces), reader.close()]) == raw
    whole = protocol(name).usage_reader(hide_usage=False)
    whole.feed(raw)
    whole.close()
    for field in ("usage", "model", "has_content", "ended", "reported"):
        assert getattr(reader, field) == getattr(whole, field), field
    assert str(reader.failed) == str(whole.failed)


@pytest.mark.parametrize(("name", "case"), STREAMS)
def test_watching_a_stream_finds_what_decoding_it_finds(name: str, case: str) -> None:
    raw = load(name, "streams", case, ".sse")
    events = decode_stream(name, [raw])
    for pieces in ([raw], [piece + b"\n\n" for piece in raw.split(b"\n\n") if piece]):
        reader = protocol(name).usage_reader(hide_usage=False)
        for piece in pieces:
            reader.feed(piece)
        reader.close()
        assert reader.ended == any(isinstance(event, Ended) for event in events)
        assert (reader.failed is not None) == any(isinstance(event, Failed) for event in events)
        # A refusal explained by stop_details alone is a part to us and no content on the wire.
        if case != "refusal":
            assert reader.has_content == any(map(is_content, events))
        usages = [event.usage for event in events if getattr(event, "usage", None) is not None]
        assert reader.reported == bool(usages)
        if usages:
            assert reader.usage == usages[-1]


@pytest.mark.parametrize(("name", "case", "other"), crossings("streams", ".sse"))
def test_text_survives_the_way_through_both_formats(name: str, case: str, other: str) -> None:
    events = decode_stream(name, [load(name, "streams", case, ".sse")])
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    across = encode_stream(other, events, ReplyContext(model="m", stream_usage=True))
    again = decode_stream(other, [across])
    assert "".join(event.text for event in again if isinstance(event, TextDelta)).startswith(said)
