"""Why Google's answers end."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.protocols.gemini_generate.finish import (
    broken_off,
    may_be_broken_off,
    read_finish,
    write_finish,
)


def test_reasons_are_those_of_other_formats() -> None:
    assert read_finish("STOP", called=True) == "tool_calls"
    assert read_finish("A_REASON_OF_TOMORROW", called=False) == "stop"
    assert (write_finish("tool_calls"), write_finish("length")) == ("STOP", "MAX_TOKENS")


def test_a_spoilt_call_is_no_answer_unless_another_call_is_there() -> None:
    assert "MALFORMED_FUNCTION_CALL" in broken_off("MALFORMED_FUNCTION_CALL", called=False, answered=True)
    assert broken_off("MALFORMED_FUNCTION_CALL", called=True, answered=True) == ""
    assert broken_off("SAFETY", called=False, answered=False) == ""
    assert broken_off(None, called=False, answered=False) == ""


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b'{"finishReason": "STOP"}', False),
        (b'{"finishReason":"MAX_TOKENS"}', False),
        (b'{"finishReason":"STOPPED"}', True),
        (b'{"finishReason": "MALFORMED_FUNCTION_CALL"}', True),
        (b'{"candidates":[]}', False),
    ],
)
def test_only_odd_ends_are_looked_at(raw: bytes, wanted: bool) -> None:
    assert may_be_broken_off(raw) is wanted
