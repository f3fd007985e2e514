"""No bytes, however foul, get anything out of a decoder but its own errors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.chat import ChatRequest, Event, Failed, Message, ResponseFormat, Text, Tool
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.golden import FORMATS, cases, load

RELAXED = settings(
    max_examples=int(os.environ.get("TOLLHOUSE_FUZZ", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 1 << 70) | st.floats(allow_nan=False) | st.text(max_size=8)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
CONTEXT = ReplyContext(model="m", stream_usage=True)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    twin = dict(value) if isinstance(value, dict) else list(value)
    twin[path[0]] = replaced(value[path[0]], path[1:], by)
    return twin


def damaged(data: st.DataObject, name: str, kind: str) -> bytes:
    """A fixture with one or two of its values replaced by something else."""
    chosen = data.draw(st.sampled_from([case for format_name, case in cases(kind, ".json") if format_name == name]))
    value = json.loads(load(name, kind, chosen))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(value)))
        value = replaced(value, path, data.draw(JSON))
        if not places(value):
            break
    return json.dumps(value).encode("utf-8", "surrogatepass")


T = TypeVar("T")


def tried(act: Callable[[], T], status: int) -> T | None:
    """What ``act`` gives; None when it raises an error of ours with this status and a message."""
    try:
        return act()
    except GatewayError as error:
        if error.status == status and error.message and error.code:
            return None
        raise


@pytest.mark.parametrize("name", FORMATS)
@RELAXED
@given(data=st.data())
def test_damaged_requests_are_read_or_refused_naming_the_field(name: str, data: st.DataObject) -> None:
    protocol = protocols_by_name()[name]
    raw = damaged(data, name, "requests")
    document = tried(lambda: RequestDocument(raw), 400)
    if document is None:
        return
    tried(lambda: protocol.peek(document), 400)
    tried(lambda: protocol.passthrough_edits(document.copy(), []), 400)
    chat = tried(lambda: protocol.decode_request(document), 400)
    if chat is not None:
        for target in FORMATS:
            tried(lambda to=target: protocols_by_name()[to].encode_request(chat, max_output_tokens=100), 400)


@pytest.mark.parametrize("name", FORMATS)
@RELAXED
@given(data=st.data())
def test_damaged_replies_are_read_or_called_unreadable(name: str, data: st.DataObject) -> None:
    protocol = protocols_by_name()[name]
    raw = damaged(data, name, "replies")
    tried(lambda: protocol.read_usage(raw), 502)
    reply = tried(lambda: protocol.decode_reply(raw), 502)
    if reply is not None:
        for target in FORMATS:
            protocols_by_name()[target].encode_reply(reply, CONTEXT)


@pytest.mark.parametrize("name", FORMATS)
@RELAXED
@given(raw=st.binary(max_size=200) | st.sampled_from([b"[" * 5000, b'{"messages":' + b"[" * 900 + b"]" * 900 + b"}"]))
def test_arbitrary_bytes_raise_nothing_unexpected(name: str, raw: bytes) -> None:
    protocol = protocols_by_name()[name]
    tried(lambda: protocol.decode_request(RequestDocument(raw)), 400)
    tried(lambda: protocol.decode_reply(raw), 502)
    tried(lambda: protocol.read_usage(raw), 502)
    for hide in (False, True):
        decoder, reader = protocol.stream_decoder(), protocol.usage_reader(hide_usage=hide)
        for data in (raw, b"data: " + raw + b"\n\n"):
            decoder.feed(data)
            reader.feed(data)
        decoder.close()
        reader.close()


@pytest.mark.parametrize("name", FORMATS)
def test_a_schema_nested_deep_is_no_danger(name: str) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(150):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}
    wanted = ResponseFormat("json_schema", name="", schema=schema)
    chat = ChatRequest("m", [Message("user", [Text("x")])], response_format=wanted, tools=[Tool("t", "", schema)])
    assert protocols_by_name()[name].encode_request(chat, max_output_tokens=None).body["tools"]


@pytest.mark.parametrize("name", FORMATS)
@RELAXED
@given(data=st.data())
def test_damaged_streams_give_events_every_encoder_takes(name: str, data: st.DataObject) -> None:
    protocol = protocols_by_name()[name]
    case = data.draw(st.sampled_from([case for format_name, case in cases("streams", ".sse") if format_name == name]))
    raw = load(name, "streams", case, ".sse")
    pieces = [piece for piece in raw.split(b"\n\n") if piece]
    position = data.draw(st.integers(0, len(pieces) - 1))
    head, mark, body = pieces[position].partition(b"data: ")
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if isinstance(value, dict):
        path = data.draw(st.sampled_from(places(value)))
        value = replaced(value, path, data.draw(JSON))
        pieces[position] = head + mark + json.dumps(value).encode("utf-8", "surrogatepass")
    else:
        pieces.pop(position)
    if data.draw(st.booleans()):
        pieces = data.draw(st.permutations(pieces))
    whole = b"\n\n".join(pieces) + b"\n\n"
    decoder = protocol.stream_decoder()
    events: list[Event] = decoder.feed(whole) + decoder.close()
    assert sum(isinstance(event, Failed) for event in events) <= 1
    for target in FORMATS:
        encoder = protocols_by_name()[target].stream_encoder(CONTEXT)
        for event in events:
            assert isinstance(encoder.encode(event), bytes)
    for hide in (False, True):
        reader = protocol.usage_reader(hide_usage=hide)
        reader.feed(whole)
        reader.close()
