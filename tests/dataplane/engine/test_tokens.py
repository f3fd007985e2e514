"""Estimated usage."""

from __future__ import annotations

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.tokens import complete, estimate


def test_four_bytes_a_token_rounded_up() -> None:
    """Nothing is nothing, anything is at least one."""
    assert [estimate(size) for size in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_what_the_provider_told_is_kept() -> None:
    """Input counts from the start of a stream outweigh our guess; output is the larger of both; marked estimated."""
    usage = complete(Usage(21, 5, output_tokens=1), 4000, 40)
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.estimated) == (21, 5, 10, True)
    assert complete(None, 400, 0).input_tokens == 100
