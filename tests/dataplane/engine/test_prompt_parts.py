"""What a request holds besides text is found by structure, in all formats, however it is spelled."""

import json
from typing import Any

import pytest
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.prompt_parts import Parts, parts_of


def says(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


TEXT: list[dict[str, Any]] = [
    {},
    says("an image, a file and audio"),
    says([{"type": "text", "text": '{"type":"image"}'}]),
    {"system": [{"type": "text", "text": "x"}], **says("x")},
    {"input": "x", "previous_response_id": None},
    {"input": ["a", "b"]},
    {"prompt": "x"},
    {"contents": [{"parts": [{"text": "x"}]}], "systemInstruction": {"parts": [{"text": "x"}]}},
]
MEDIA: list[dict[str, Any]] = [
    says([{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]),
    says([{"type": "tool_result", "content": [{"type": "image", "source": {"type": "base64", "data": "x"}}]}]),
    says([{"type": "document", "source": {"type": "text", "data": "x"}}]),
    says([{"type": "file", "file": {"file_data": "x"}}]),
    says([{"type": "input_audio", "input_audio": {"data": "x"}}]),
    {"input": [{"type": "function_call_output", "output": [{"type": "input_image", "file_id": "f"}]}]},
    {"contents": [{"parts": [{"inlineData": {"data": "x"}}]}]},
    says(5),
]
ELSEWHERE: list[dict[str, Any]] = [
    {"input": "x", "previous_response_id": "r"},
    {"input": "x", "conversation": {"id": "c"}},
    {"input": "x", "prompt": {"id": "p"}},
    {"contents": [], "cachedContent": "c"},
    says([{"type": "document", "source": {"type": "url", "url": "https://x"}}]),
    says([{"type": "document", "source": {"type": "file", "file_id": "f"}}]),
    says([{"type": "file", "file": {"file_id": "f"}}]),
    {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x"}]}]},
    {"contents": {"parts": [{"fileData": {"fileUri": "x"}}]}},
    {"contents": [{"parts": [{"file_data": {"file_uri": "x"}}]}]},
]


@pytest.mark.parametrize(
    ("body", "found"),
    [(body, kind) for kind, bodies in zip(Parts, (TEXT, MEDIA, ELSEWHERE), strict=True) for body in bodies],
)
def test_the_most_there_is_is_found(body: dict[str, Any], found: Parts) -> None:
    assert parts_of(RequestDocument(json.dumps(body).encode())) is found


def test_escaped_names_are_the_same_names() -> None:
    body = rb'{"messages":[{"content":[{"type":"im\u0061ge"}]}]}'
    assert parts_of(RequestDocument(body)) is Parts.MEDIA
    body = rb'{"input":"x","previous\u005fresponse_id":"r"}'
    assert parts_of(RequestDocument(body)) is Parts.ELSEWHERE
