"""Token counts in Anthropic's way of counting."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocols.anthropic_messages.usage import merge_usage, read_tail, write_usage

START = {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 6, "output_tokens": 1}


def test_input_includes_what_was_cached_and_written() -> None:
    assert merge_usage(None, START) == Usage(21, 5, 6, output_tokens=1)


def test_lifetimes_of_written_tokens_are_told_apart() -> None:
    split = {**START, "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 4}}
    assert merge_usage(None, split) == Usage(21, 5, 2, 4, output_tokens=1)


def test_the_second_count_is_cumulative_and_may_leave_out_the_input() -> None:
    first = merge_usage(None, START)
    assert merge_usage(first, {"output_tokens": 9}) == Usage(21, 5, 6, output_tokens=9)
    assert merge_usage(first, {**START, "output_tokens": 9}) == Usage(21, 5, 6, output_tokens=9)
    assert merge_usage(first, "nonsense") == first
    late = merge_usage(merge_usage(None, {"input_tokens": 0, "output_tokens": 0}), {**START, "output_tokens": 9})
    assert late == Usage(21, 5, 6, output_tokens=9)


def test_what_is_written_is_read_again() -> None:
    usage = Usage(21, 5, 2, 4, output_tokens=9, reasoning_tokens=3)
    assert merge_usage(None, write_usage(usage)) == usage


def test_a_whole_reply_is_looked_into_without_being_read() -> None:
    assert read_tail(b'{"model":"m","content":[1],"usage":{"input_tokens":1}}') == (Usage(1), "m")
    for broken in (b"nonsense", b"[1]", b'{"usage":{"input_tokens":1}}', b'{"content":"text"}'):
        with pytest.raises(UpstreamError):
            read_tail(broken)
