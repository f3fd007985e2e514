"""What a streamed answer cost, said behind its end: headers are gone by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from tollhouse.dataplane.chat import Usage
from tollhouse.proto.units import format_usd

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

NAME = "tollhouse.cost"
_UNNAMED = frozenset({"gemini_generate"})
"""Formats whose events have no names, and whose clients fail at comments: they are told in a field of its own."""


class _Cost(msgspec.Struct):
    type: str
    cost_usd: str | None
    """Of all attempts together; null where nobody knows the price."""
    estimated: bool
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    target: str
    model: str
    attempts: int
    request: str


def cost_event(ex: Exchange, usage: Usage) -> bytes:
    """The event, or the comment; after the attempt is settled."""
    last = ex.attempts[-1]
    told = msgspec.json.encode(
        _Cost(
            NAME,
            format_usd(ex.cost_nano) if last.price_known else None,
            usage.estimated,
            usage.input_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens + usage.cache_write_1h_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
            last.target,
            last.model,
            len(ex.attempts),
            ex.id,
        )
    )
    if ex.protocol is not None and ex.protocol.name in _UNNAMED:
        return b'data: {"' + NAME.encode() + b'":' + told + b"}\n\n"
    return b"event: " + NAME.encode() + b"\ndata: " + told + b"\n\n"
