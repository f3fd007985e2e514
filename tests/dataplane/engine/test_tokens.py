"""Estimated usage."""

from __future__ import annotations

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.tokens import complete, estimate, sound


def test_four_bytes_a_token_rounded_up() -> None:
    """Nothing is nothing, anything is at least one."""
    assert [estimate(size) for size in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_what_the_provider_told_is_kept() -> None:
    """Input counts from the start of a stream outweigh our guess; output is the larger of both; marked estimated."""
    usage = complete(Usage(21, 5, output_tokens=1), 4000, 40)
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.estimated) == (21, 5, 10, True)
    assert complete(None, 400, 0).input_tokens == 100


def test_final_figures_with_a_nought_in_them() -> None:
    """Where something was read or answered, a count of 0 is none."""
    told = [Usage(5, output_tokens=2), Usage(5), Usage(0, output_tokens=2), Usage()]
    assert [sound(usage, 40) for usage in told] == [True, False, False, False]
    assert [sound(usage, 0) for usage in told] == [True, True, False, False]  # blocked answers say nothing
