"""Token counts where the provider gave none: rough, offline, and always marked as estimated."""

from __future__ import annotations

from tollhouse.dataplane.chat import Usage

BYTES_PER_TOKEN = 4
"""English text and JSON average close to four bytes a token with the vendors' tokenizers."""


def estimate(size: int) -> int:
    """Tokens in ``size`` bytes of text; at least one when there is any."""
    return (size + BYTES_PER_TOKEN - 1) // BYTES_PER_TOKEN


def complete(reported: Usage | None, request_size: int, answer_size: int) -> Usage:
    """Usage of an attempt that ended before its final figures came: what the provider told so far, else an estimate
    from the bytes of the request and of the answer's text."""
    known = reported if reported is not None else Usage()
    return Usage(
        input_tokens=known.input_tokens or estimate(request_size),
        cached_tokens=known.cached_tokens,
        cache_write_tokens=known.cache_write_tokens,
        cache_write_1h_tokens=known.cache_write_1h_tokens,
        output_tokens=max(known.output_tokens, estimate(answer_size)),
        reasoning_tokens=known.reasoning_tokens,
        estimated=True,
        special=known.special,
    )


def sound(told: Usage, answer_size: int) -> bool:
    """Whether final figures can be charged as they are: a count of 0, where something was read or answered, is none."""
    return told.input_tokens > 0 and (told.output_tokens > 0 or answer_size == 0)
