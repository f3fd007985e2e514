"""How many tokens a provider reads for a request at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.engine.prompt_parts import Parts, parts_of
from tollhouse.dataplane.engine.prompt_size import most_tokens

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

TOOLS_FRAME = 2048
"""What vendors put before the tools of a request, and what they make of tools they know by name: the most that
Anthropic tells (computer, editor and shell together)."""
ASSUMED_CONTEXT = 200_000
"""Of a model of which nobody knows it."""


def input_at_most(ex: Exchange, target: Target, body: bytes) -> tuple[int, bool]:
    """Tokens, and whether the input may hold media, which may have dearer rates. No tokenizer makes more tokens than
    there are bytes; what images and documents count is the vendors' usual figure; and what only the provider has (the
    conversation before, a file) may be as long as the model's context."""
    document = ex.document
    if document is None or (ex.protocol is not None and ex.protocol.opaque):
        return len(body), True
    parts = parts_of(document)
    read = len(body) if parts is Parts.TEXT else most_tokens(msgspec.json.decode(body))
    if parts is Parts.ELSEWHERE:
        read = max(read, target.context_window or ASSUMED_CONTEXT)
    if "tools" in document:
        read += TOOLS_FRAME
    return read, parts is not Parts.TEXT


def beside_the_limit(ex: Exchange) -> int:
    """Tokens that are charged like output and bound by no limit: what was predicted and did not come."""
    return len(ex.document.raw_field("prediction")) if ex.document is not None else 0
