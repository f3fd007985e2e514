"""What the golden fixtures do not show of Google's format: paths, errors, signatures, mistakes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    ReplyStarted,
    ThinkingDelta,
)
from tollhouse.dataplane.errors import ClientError, UpstreamError

from tests.support.protocols import ANTHROPIC, OPENAI, decoded, document, protocol, written

GEMINI = "gemini_generate"
FORMAT = protocol(GEMINI)
ASKED: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_single_values_may_stand_without_an_array() -> None:
    """As in Google's own examples for curl."""
    single = {"contents": {"parts": {"text": "hi"}}, "system_instruction": {"parts": {"text": "s"}}}
    chat = FORMAT.decode_request(document({"model": "m", **single, "tools": {"function_declarations": {"name": "f"}}}))
    assert [part.text for message in chat.messages for part in message.parts] == ["s", "hi"]  # type: ignore[union-attr]
    assert [tool.name for tool in chat.tools] == ["f"]


def test_model_and_method_are_read_from_the_path_and_not_sent() -> None:
    request = document({**ASKED, "generationConfig": {"maxOutputTokens": 7}})
    FORMAT.enter("/v1beta/models/gemini-2.5-flash:streamGenerateContent", "alt=sse", request)
    assert (FORMAT.peek(request).model, FORMAT.peek(request).stream, FORMAT.peek(request).max_tokens) == (
        "gemini-2.5-flash",
        True,
        7,
    )
    assert not FORMAT.passthrough_edits(request, [])
    assert request.names() == ["contents", "generationConfig"]


def test_a_stream_as_an_array_is_refused_with_the_remedy() -> None:
    with pytest.raises(ClientError, match="alt=sse"):
        FORMAT.enter("/v1beta/models/m:streamGenerateContent", "", document(ASKED))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503, 504])
def test_errors_have_googles_words(status: int) -> None:
    error = json.loads(FORMAT.encode_error(UpstreamError(status, "some_code", "It broke."), "r1"))["error"]
    assert (error["code"], error["message"]) == (status, "It broke.")
    assert error["status"].isupper()
    assert error["details"][0]["reason"] == "some_code"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "robot", "parts": []}]}, r"contents\[0\].role"),
        ({"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]}, "functionResponse.name"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}}}, "mode"),
        ({"generationConfig": {"temperature": 3}}, "generationConfig.temperature"),
    ],
)
def test_mistakes_are_told_with_their_place(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(ClientError, match=where):
        FORMAT.decode_request(document({**ASKED, **fields}))


def test_a_file_only_google_can_fetch_is_refused_elsewhere() -> None:
    part = {
        "fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x", "mimeType": "image/png"}
    }
    chat = FORMAT.decode_request(document({"contents": [{"parts": [part]}]}))
    with pytest.raises(ClientError, match="fileData"):
        protocol(OPENAI).encode_request(chat, max_output_tokens=None)


def test_signatures_go_back_to_google_through_clients_of_other_formats() -> None:
    decoder = FORMAT.stream_decoder()
    call = {"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}
    reply = {"candidates": [{"content": {"parts": [call]}, "finishReason": "STOP"}], "usageMetadata": {}}
    events = decoder.feed(b"data: " + json.dumps(reply).encode() + b"\n\n") + decoder.close()
    blocks: dict[int, Any] = {}
    for event in written(ANTHROPIC, events, provider_format=GEMINI):
        if event["type"] == "content_block_start":
            blocks[event["index"]] = event["content_block"]
        elif event["type"] == "content_block_delta" and "signature" in event["delta"]:
            blocks[event["index"]]["signature"] = event["delta"]["signature"]
    chat = decoded(
        ANTHROPIC,
        max_tokens=9,
        messages=[
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": list(blocks.values())},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "1"}]},
        ],
    )
    contents = FORMAT.encode_request(chat, max_output_tokens=None).body["contents"]
    assert contents[1]["parts"] == [{"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}]


def test_calls_of_other_models_are_marked_for_gemini_3_which_refuses_unsigned_ones() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": calls}]
    for model, marked in (("gemini-3-pro", True), ("gemini-2.5-flash", False)):
        body = FORMAT.encode_request(decoded(OPENAI, model=model, messages=messages), max_output_tokens=None).body
        assert ("thoughtSignature" in body["contents"][1]["parts"][0]) is marked


def test_thinking_of_other_providers_is_never_shown_to_google() -> None:
    events = [
        ReplyStarted("1", "m"),
        PartStarted(0, 0, "thinking"),
        ThinkingDelta(0, 0, "Hm.", "sig"),
        PartEnded(0, 0),
        PartStarted(0, 1, "tool_call", "c", "f"),
        ArgumentsDelta(0, 1, "{}"),
        PartEnded(0, 1),
        Finished(0, "tool_calls"),
        Ended(),
    ]
    parts = [
        part
        for chunk in written(GEMINI, events, provider_format=ANTHROPIC)
        for part in chunk["candidates"][0]["content"]["parts"]
    ]
    assert parts[1]["thoughtSignature"].startswith("tollhse1")
    # Google's SDK keeps it as bytes, and writes them in the alphabet it likes.
    parts[1]["thoughtSignature"] = base64.b64encode(base64.urlsafe_b64decode(parts[1]["thoughtSignature"])).decode()
    results = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "1"}}}]}
    body = {"contents": [ASKED["contents"][0], {"role": "model", "parts": parts}, results]}
    crossed = protocol(ANTHROPIC).encode_request(FORMAT.decode_request(document(body)), max_output_tokens=None)
    assert crossed.body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
    native = document(body)
    dropped: list[str] = []
    FORMAT.passthrough_edits(native, dropped)
    assert b"tollhse1" not in native.encode()
    assert dropped == ["thoughtSignature"]


def _given(media_type: str, data: bytes) -> list[dict[str, Any]]:
    inline = {"mimeType": media_type, "data": base64.b64encode(data).decode()}
    return [{"role": "user", "parts": [{"text": "look"}, {"inlineData": inline}]}]


@pytest.mark.parametrize("other", [OPENAI, "openai_responses"])
def test_a_text_file_goes_to_openai_as_text_and_other_files_are_refused_by_name(other: str) -> None:
    request = FORMAT.decode_request(document({"contents": _given("text/csv", b"a,b")}))
    body = json.dumps(protocol(other).encode_request(request, max_output_tokens=None).body)
    assert "Document:\\na,b" in body
    assert "document.pdf" not in body
    request = FORMAT.decode_request(document({"contents": _given("application/pdf", b"%PDF")}))
    assert "document.pdf" in json.dumps(protocol(other).encode_request(request, max_output_tokens=None).body)
    request = FORMAT.decode_request(document({"contents": _given("video/mp4", b"\0\0")}))
    with pytest.raises(ClientError, match=r"media_type: expected application/pdf or a text type.*video/mp4"):
        protocol(other).encode_request(request, max_output_tokens=None)


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"city": "Paris"}, '{"city":"Paris"}'),
        ({"output": "Paris"}, "Paris"),
        ({"result": "Paris"}, "Paris"),
        ({"error": "no"}, "no"),
        ({"output": {"city": "Paris"}}, '{"output":{"city":"Paris"}}'),
    ],
)
def test_only_the_keys_that_say_nothing_are_taken_off_a_result(response: dict[str, Any], text: str) -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
    result = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": response}}]}
    request = FORMAT.decode_request(document({"contents": [*ASKED["contents"], call, result]}))
    body: Any = protocol(OPENAI).encode_request(request, max_output_tokens=None).body
    content = body["messages"][-1]["content"]
    assert (content if isinstance(content, str) else content[-1]["text"]) == text


def _ending(reason: str, *parts: dict[str, Any]) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    return json.dumps({"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3}}).encode()


@pytest.mark.parametrize(
    ("reason", "parts"),
    [
        ("MALFORMED_FUNCTION_CALL", []),
        ("UNEXPECTED_TOOL_CALL", [{"text": "hm", "thought": True}]),
        ("MALFORMED_FUNCTION_CALL", [{"text": "I look it up."}]),
        ("OTHER", []),
        ("A_REASON_OF_TOMORROW", []),
    ],
)
def test_an_answer_the_model_spoilt_is_the_failure_of_the_provider(reason: str, parts: list[dict[str, Any]]) -> None:
    with pytest.raises(UpstreamError, match=f"ended with {reason} and without an answer") as failure:
        FORMAT.decode_reply(_ending(reason, *parts))
    assert failure.value.code == "invalid_upstream_reply"
    decoder = FORMAT.stream_decoder()
    events = decoder.feed(b"data: " + _ending(reason, *parts) + b"\n\n") + decoder.close()
    assert isinstance(events[-1], Failed)
    assert events[-1].type == "invalid_stream"
    assert not any(isinstance(event, Finished | Ended) for event in events)
    with pytest.raises(UpstreamError, match=f"ended with {reason} and without an answer"):
        FORMAT.read_usage(_ending(reason, *parts))  # and where nothing is translated
    reader = FORMAT.usage_reader(hide_usage=False)
    assert reader.feed(b"data: " + _ending(reason, *parts) + b"\n\n") == b""
    reader.close()
    assert (reader.rejected, reader.ended, reader.usage.input_tokens) == (True, False, 3)
    assert reader.failed is not None


@pytest.mark.parametrize("reason", ["STOP", "OTHER", "MAX_TOKENS", "A_REASON_OF_TOMORROW"])
def test_an_answer_that_is_there_is_kept_whatever_the_reason(reason: str) -> None:
    assert FORMAT.decode_reply(_ending(reason, {"text": "42"})).choices[0].parts
    event = b"data: " + _ending(reason, {"text": "42"}) + b"\n\n"
    assert isinstance(FORMAT.stream_decoder().feed(event)[-2], Finished)
    reader = FORMAT.usage_reader(hide_usage=False)
    assert reader.feed(event) == event
    reader.close()
    assert (reader.failed, reader.ended) == (None, True)
    assert FORMAT.read_usage(_ending(reason, {"text": "42"}))[0] is not None


def test_a_call_far_from_the_end_of_a_stream_that_passes_is_remembered() -> None:
    """Google ends some answers with a call in them as if the call were spoilt."""
    call = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}}]}
    reader = FORMAT.usage_reader(hide_usage=False)
    for event in ({"candidates": [{"content": {"parts": [{"text": "I"}]}}]}, call):
        reader.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    end = b"data: " + _ending("UNEXPECTED_TOOL_CALL") + b"\n\n"
    assert reader.feed(end) == end
    assert not reader.rejected


@pytest.mark.parametrize("other", [OPENAI, ANTHROPIC, "openai_responses"])
def test_safety_settings_mean_something_at_google_only_and_are_named(other: str) -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    request = FORMAT.decode_request(document({**ASKED, "safetySettings": settings}))
    assert "safetySettings" in protocol(other).encode_request(request, max_output_tokens=None).dropped


@pytest.mark.parametrize("other", [OPENAI, ANTHROPIC, "openai_responses"])
def test_a_conversation_without_content_is_refused_before_a_provider_is_asked(other: str) -> None:
    request = FORMAT.decode_request(document({"contents": [{"role": "user", "parts": []}]}))
    with pytest.raises(ClientError, match="messages: expected some content"):
        protocol(other).encode_request(request, max_output_tokens=None)
    with pytest.raises(ClientError, match="messages: expected some content"):
        FORMAT.encode_request(decoded(OPENAI, messages=[{"role": "user", "content": ""}]), max_output_tokens=None)
