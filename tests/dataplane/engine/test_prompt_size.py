"""Estimates of what a prompt counts."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.engine.prompt_size import IMAGE_TOKENS, PAGE_TOKENS, input_tokens, media_tokens


def body(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


def test_text_counts_by_its_bytes() -> None:
    assert input_tokens(body("a" * 4000)) == 1004
    assert input_tokens(body("é" * 4000)) == 2004
    assert input_tokens({}) == 1


def test_media_count_by_the_piece() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}
    assert input_tokens(body([image, image])) == 2 * IMAGE_TOKENS + 4
    result = {"type": "tool_result", "content": [{"type": "image", "source": {"data": "A"}}]}
    assert media_tokens([result]) == IMAGE_TOKENS


def test_documents_count_by_the_page_and_text_ones_as_text() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "data": "A" * 225_000}}
    assert media_tokens(pdf) == 3 * PAGE_TOKENS
    text = {"type": "document", "source": {"type": "text", "data": "a" * 400}}
    assert media_tokens(text) == 0
    assert input_tokens(body([text])) == 104


def test_tools_and_schemas_count_as_their_json() -> None:
    plain = input_tokens(body("x"))
    assert input_tokens({**body("x"), "tools": [{"name": "n" * 400}]}) > plain + 100
