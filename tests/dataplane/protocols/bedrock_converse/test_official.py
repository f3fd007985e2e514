"""Requests as botocore's model of Bedrock takes them and writes them; streams as its parser reads them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.eventstream import EventStream
from botocore.parsers import EventStreamJSONParser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from tollhouse.dataplane.document import RequestDocument

from tests.dataplane.protocols.bedrock_converse.test_protocol import BEDROCK, REFUSED, TOOLS
from tests.support.golden import cases, load
from tests.support.protocols import protocol

MODEL = botocore.session.get_session().get_service_model("bedrock-runtime")
CONVERSE = MODEL.operation_model("Converse")
STREAMED = MODEL.operation_model("ConverseStream")
BYTES = ("bytes", "redactedContent")


def given_to_botocore(value: Any) -> Any:
    """JSON as a caller of botocore would give it: bytes where JSON has base64."""
    if isinstance(value, list):
        return [given_to_botocore(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64decode(inner, validate=True)
        if name in BYTES and isinstance(inner, str)
        else given_to_botocore(inner)
        for name, inner in value.items()
    }


@pytest.mark.parametrize(("name", "case"), [one for one in cases("requests", ".json") if one not in REFUSED])
def test_every_request_is_one_botocore_would_send(name: str, case: str) -> None:
    """Valid by the service's model, and the very JSON its serializer writes."""
    chat = protocol(name).decode_request(RequestDocument(load(name, "requests", case)))
    body = BEDROCK.encode_request(chat, max_output_tokens=16384).body
    given = {"modelId": "m", **given_to_botocore(body)}
    report = ParamValidator().validate(given, CONVERSE.input_shape)
    assert not report.has_errors(), report.generate_report()
    written = create_serializer("rest-json").serialize_to_request(given, CONVERSE)
    assert json.loads(written["body"]) == body


class _Pieces:
    """What botocore takes for a connection's body."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        for at in range(0, len(self._data), 11):
            yield self._data[at : at + 11]

    def close(self) -> None:
        pass


def test_the_streams_of_these_tests_are_streams_to_botocore() -> None:
    """Event for event; so what is read here is what Bedrock's model says."""
    shape = STREAMED.output_shape.members["stream"]
    events = list(EventStream(_Pieces(TOOLS), shape, EventStreamJSONParser(), "ConverseStream"))
    assert [next(iter(event)) for event in events][:2] == ["messageStart", "contentBlockDelta"]
    assert events[1]["contentBlockDelta"]["delta"]["reasoningContent"] == {"text": "Hm."}
    assert events[2]["contentBlockDelta"]["delta"]["reasoningContent"] == {"signature": "sig"}
    assert events[6]["contentBlockStart"]["start"]["toolUse"] == {"toolUseId": "t1", "name": "f"}
    assert events[-2]["messageStop"]["stopReason"] == "tool_use"
    assert events[-1]["metadata"]["usage"]["cacheReadInputTokens"] == 7
    kinds = set(shape.members) - {next(iter(event)) for event in events}
    assert {one for one in kinds if not one.endswith("Exception")} == set()


def test_every_exception_of_the_model_is_known() -> None:
    from tollhouse.dataplane.protocols.bedrock_converse.stream import _FAILURES

    named = {name for name in STREAMED.output_shape.members["stream"].members if name.endswith("Exception")}
    assert named <= set(_FAILURES)


def test_every_stop_reason_of_the_model_is_known() -> None:
    from tollhouse.dataplane.protocols.bedrock_converse import reply

    assert set(CONVERSE.output_shape.members["stopReason"].enum) <= set(reply._STOP)
