"""Token counts in OpenAI's way of counting, and in those of its relatives."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocols.openai_chat.usage import read_tail, read_usage, write_usage


@pytest.mark.parametrize(
    ("value", "usage"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 2}, Usage(5, output_tokens=2)),
        ({"prompt_tokens": 5, "prompt_cache_hit_tokens": 4}, Usage(5, 4)),
        ({"prompt_tokens": 5, "prompt_tokens_details": None, "completion_tokens_details": 7}, Usage(5)),
        ({"prompt_tokens": "5", "completion_tokens": -1}, Usage()),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}}, Usage(9, 4, 3)),
        (None, None),
        ([], None),
    ],
)
def test_usage_is_read_whatever_is_missing(value: Any, usage: Usage | None) -> None:
    assert read_usage(value) == usage


def test_what_is_written_is_read_again() -> None:
    usage = Usage(9, 4, 3, output_tokens=7, reasoning_tokens=2)
    assert read_usage(write_usage(usage)) == usage
    assert write_usage(usage)["total_tokens"] == 16


def test_a_whole_reply_is_looked_into_without_being_read() -> None:
    assert read_tail(b'{"model":"m","choices":[{"message":{}}],"usage":{"prompt_tokens":1}}') == (Usage(1), "m")
    assert read_tail(b'{"choices":[]}') == (None, "")
    for broken in (b"nonsense", b"[1]", b'{"usage":{"prompt_tokens":1}}', b'{"choices":"text"}'):
        with pytest.raises(UpstreamError):
            read_tail(broken)


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({"completion_tokens": 9, "total_tokens": 135, "completion_tokens_details": {"reasoning_tokens": 94}}, 103),
        ({"completion_tokens": 103, "total_tokens": 135, "completion_tokens_details": {"reasoning_tokens": 94}}, 103),
        ({"completion_tokens": 103, "completion_tokens_details": {"reasoning_tokens": 94}}, 103),
    ],
)
def test_reasoning_is_charged_where_it_stands_beside_the_answer(told: dict[str, Any], written: int) -> None:
    """OpenAI has it among ``completion_tokens``, xAI (whose documented example this is) on top of them: the total
    tells. Whether the reply is read or only looked into."""
    told = {"prompt_tokens": 32, **told}
    usage = Usage(32, output_tokens=written, reasoning_tokens=94)
    assert read_usage(told) == usage
    assert read_tail(msgspec.json.encode({"choices": [], "usage": told})) == (usage, "")
