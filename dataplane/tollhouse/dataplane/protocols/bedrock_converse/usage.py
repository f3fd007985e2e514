"""Token counts as converse reports them."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.protocols._fields import count
from tollhouse.dataplane.protocols._tail import tail_reader


def read_usage(value: Any) -> Usage | None:
    """The neutral form of a ``usage`` object: ``inputTokens`` excludes the cache, as with Anthropic."""
    if not isinstance(value, dict):
        return None
    read, written = count(value.get("cacheReadInputTokens")), count(value.get("cacheWriteInputTokens"))
    details = value.get("cacheDetails")
    hours = [one for one in (details if isinstance(details, list) else ()) if isinstance(one, dict)]
    hour = min(written, sum(count(one.get("inputTokens")) for one in hours if one.get("ttl") == "1h"))
    return Usage(
        input_tokens=count(value.get("inputTokens")) + read + written,
        cached_tokens=read,
        cache_write_tokens=written - hour,
        cache_write_1h_tokens=hour,
        output_tokens=count(value.get("outputTokens")),
    )


read_tail = tail_reader(read_usage, "output")
"""Usage of a whole reply; converse names no model."""
