"""What a client's format has no place for in an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.replies.legs import TranslatedLeg
from tollhouse.dataplane.dispatch.replies.unshown import late_word, unshown
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.protocols import ANTHROPIC, OPENAI, protocol
from tests.support.providers import openai_chunk

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


def test_what_is_lost_behind_the_beginning_of_a_stream_is_said_behind_its_end() -> None:
    """Its headers have gone; clients that fail at comments are told nothing more."""
    dropped: list[str] = []
    leg = TranslatedLeg(
        GEMINI.stream_decoder(), protocol(OPENAI).stream_encoder(ReplyContext("m")), None, (OPENAI, dropped)
    )
    leg.feed(b"data: " + json.dumps({"candidates": [{"content": {"parts": [{"text": "see"}]}}]}).encode() + b"\n\n")
    leg.take()
    assert (dropped, list(leg.lost_late)) == ([], [])
    leg.feed(b"data: " + _body(IMAGE) + b"\n\n")
    leg.close()
    leg.take()
    assert dropped == list(leg.lost_late) == ["answer.inlineData"]
    assert late_word(leg.lost_late, OPENAI) == b": x-tollhouse-dropped answer.inlineData\n\n"
    assert late_word(leg.lost_late, "gemini_generate") == late_word((), OPENAI) == b""


def test_citations_and_what_else_only_one_format_knows_are_named() -> None:
    cited = {"type": "text", "text": "so", "citations": [{"type": "char_location", "cited_text": "so"}]}
    searched = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    body = {"type": "message", "content": [searched, cited], "stop_reason": "end_turn"}
    reply = protocol(ANTHROPIC).decode_reply(json.dumps(body).encode())
    assert unshown(reply, OPENAI) == ["answer.server_tool_use", "answer.citations"]
    assert unshown(reply, ANTHROPIC) == []
    noted = {"content": "so", "annotations": [{"type": "url_citation"}]}
    reply = protocol(OPENAI).decode_reply(json.dumps({"choices": [{"message": noted}]}).encode())
    assert unshown(reply, ANTHROPIC) == ["answer.annotations"]
    dropped: list[str] = []
    leg = TranslatedLeg(
        protocol(OPENAI).stream_decoder(),
        protocol(ANTHROPIC).stream_encoder(ReplyContext("m")),
        None,
        (ANTHROPIC, dropped),
    )
    leg.feed(b"data: " + json.dumps({"choices": [{"delta": noted}]}).encode() + b"\n\n")
    leg.take()
    assert dropped == ["answer.annotations"]


def test_pictures_in_chat_answers_are_named() -> None:
    """OpenRouter's models that draw tell them beside the text, in streams too."""
    message = {"role": "assistant", "content": "Here.", "images": [{"type": "image_url", "image_url": {"url": "u"}}]}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
    assert unshown(protocol(OPENAI).decode_reply(body), "anthropic_messages") == ["answer.images"]
    dropped: list[str] = []
    encoder = protocol(ANTHROPIC).stream_encoder(ReplyContext("m"))
    leg = TranslatedLeg(protocol(OPENAI).stream_decoder(), encoder, None, ("anthropic_messages", dropped))
    for piece in (openai_chunk({"content": "Here."}), openai_chunk({"images": message["images"]}, "stop")):
        leg.feed(piece)
    assert b"Here." in leg.take()
    assert dropped == ["answer.images"]
