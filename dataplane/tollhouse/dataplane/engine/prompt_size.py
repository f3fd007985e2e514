"""How many tokens a request's input has, estimated: no vocabulary of Claude or Gemini is public, so none is exact.

Text and JSON count by bytes; images and documents by what the vendors say a typical one costs, not by their base64.
"""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.engine.prompt_text import texts_of
from tollhouse.dataplane.engine.tokens import estimate

IMAGE_TOKENS = 1600
"""What Anthropic counts for an image of about 1.15 megapixels, the size larger ones are scaled to."""
PAGE_TOKENS = 2000
"""What a page of a PDF costs at most times, text and image together."""
PAGE_BYTES = 75_000
"""Base64 bytes of a page, roughly."""
MESSAGE_TOKENS = 4
"""What the frame of a message adds."""

_MAX_DEPTH = 64
_MEDIA = frozenset({"image", "image_url", "input_image", "document", "file", "input_file"})


def input_tokens(body: dict[str, Any]) -> int:
    """The estimate for a whole request body in any of the chat formats; never 0."""
    size = 0
    extra = 0
    for name in ("system", "messages", "input", "prompt", "instructions"):
        value = body.get(name)
        if value is None:
            continue
        size += sum(len(text.encode("utf-8", "replace")) for text in texts_of(value))
        extra += media_tokens(value)
        if isinstance(value, list):
            extra += MESSAGE_TOKENS * len(value)
    for name in ("tools", "response_format", "output_config"):
        if body.get(name):
            size += len(msgspec.json.encode(body[name]))
    return max(1, estimate(size) + extra)


def most_tokens(body: Any) -> int:
    """Tokens a request's body cannot pass: no vocabulary makes more of them than there are bytes of text. Images and
    documents count what a typical one costs."""
    if isinstance(body, str):
        return len(body.encode("utf-8", "replace"))
    if isinstance(body, list):
        return sum(most_tokens(item) + 2 for item in body)
    if not isinstance(body, dict):
        return 8
    if body.get("type") in _MEDIA and media_tokens(body):
        return media_tokens(body) + 64
    return sum(len(name) + 4 + most_tokens(value) for name, value in body.items())


def media_tokens(value: Any, depth: int = 0) -> int:
    """What the images and documents in a message, or a list of them, count."""
    if depth > _MAX_DEPTH:
        return 0
    if isinstance(value, list):
        return sum(media_tokens(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        return 0
    kind = value.get("type")
    if kind in ("image", "image_url", "input_image"):
        return IMAGE_TOKENS
    if kind in ("document", "file", "input_file"):
        return PAGE_TOKENS * max(1, round(_longest(value) / PAGE_BYTES)) if _has_data(value) else 0
    return sum(media_tokens(item, depth + 1) for item in value.values() if isinstance(item, dict | list))


def _inner(value: dict[str, Any]) -> dict[str, Any]:
    inner = value.get("source") or value.get("file") or value
    return inner if isinstance(inner, dict) else {}


def _has_data(value: dict[str, Any]) -> bool:
    return _inner(value).get("type") != "text"  # text is counted as text


def _longest(value: dict[str, Any]) -> int:
    return max((len(item) for item in _inner(value).values() if isinstance(item, str)), default=0)
