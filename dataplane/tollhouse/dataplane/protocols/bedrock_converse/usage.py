"""Token counts as converse reports them."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.protocols._fields import count


class _Tail(msgspec.Struct):
    """What accounting reads of a whole reply; the rest is skipped without being decoded."""

    usage: Any = None


_TAIL = msgspec.json.Decoder(_Tail)


def read_usage(value: Any) -> Usage | None:
    """The neutral form of a ``usage`` object: ``inputTokens`` excludes the cache, as with Anthropic."""
    if not isinstance(value, dict):
        return None
    read, written = count(value.get("cacheReadInputTokens")), count(value.get("cacheWriteInputTokens"))
    return Usage(
        input_tokens=count(value.get("inputTokens")) + read + written,
        cached_tokens=read,
        cache_write_tokens=written,
        output_tokens=count(value.get("outputTokens")),
    )


def read_tail(body: bytes) -> tuple[Usage | None, str]:
    """Usage of a whole reply; converse names no model."""
    try:
        return read_usage(_TAIL.decode(body).usage), ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, ""
