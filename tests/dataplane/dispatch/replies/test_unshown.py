"""What a client's format has no place for in an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.replies.legs import TranslatedLeg
from tollhouse.dataplane.dispatch.replies.unshown import unshown
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.protocols import OPENAI, protocol

GEMINI = protocol("gemini_generate")
IMAGE = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
RUN = {"executableCode": {"language": "PYTHON", "code": "1"}}


def _body(*parts: dict[str, Any]) -> bytes:
    return json.dumps({"candidates": [{"content": {"parts": list(parts)}, "finishReason": "STOP"}]}).encode()


def _leg(dropped: list[str], *parts: dict[str, Any]) -> TranslatedLeg:
    encoder = protocol(OPENAI).stream_encoder(ReplyContext("m"))
    leg = TranslatedLeg(GEMINI.stream_decoder(), encoder, None, (OPENAI, dropped))
    leg.feed(b"data: " + _body(*parts) + b"\n\n")
    leg.close()
    return leg


def test_what_is_lost_of_an_answer_is_named() -> None:
    reply = GEMINI.decode_reply(_body({"text": "see"}, IMAGE, RUN))
    assert unshown(reply, OPENAI) == ["answer.inlineData", "answer.executableCode"]
    assert unshown(reply, "gemini_generate") == []
    dropped: list[str] = []
    leg = _leg(dropped, {"text": "see"}, IMAGE, RUN)
    assert b"see" in leg.take()
    assert dropped == ["answer.inlineData", "answer.executableCode"]
    assert leg.ended


def test_an_answer_that_is_nothing_else_fails_and_says_so() -> None:
    with pytest.raises(UpstreamError, match="only inlineData, which the client's format cannot carry") as failure:
        unshown(GEMINI.decode_reply(_body(IMAGE)), OPENAI)
    assert failure.value.code == "invalid_upstream_reply"
    dropped: list[str] = []
    leg = _leg(dropped, IMAGE)
    assert leg.failed is not None
    assert leg.failed.code == "invalid_upstream_reply"
    assert (leg.has_content, leg.ended, dropped) == (False, False, [])
