"""How calls are judged."""

from __future__ import annotations

import pytest
from tollhouse.cli.drill.load import _judge

DONE = b'data: {"choices":[]}\n\ndata: [DONE]\n\n'
CUT = b'data: {"choices":[]}\n\n'
TOLD = CUT + b'data: {"error":{"message":"It broke off."}}\n\n'


@pytest.mark.parametrize(
    ("status", "stream", "text", "whole", "told"),
    [
        (200, True, DONE, True, False),
        (200, True, CUT, False, False),
        (200, True, TOLD, False, True),
        (200, False, b'{"choices":[]}', True, False),
        (200, False, b'{"choi', False, False),
        (503, True, b'{"error":{}}', False, True),
        (0, False, b"", False, False),
    ],
)
def test_an_answer_is_whole_broken_and_told_or_lost(
    status: int, stream: bool, text: bytes, whole: bool, told: bool
) -> None:
    """Streams need their end mark; whatever breaks must be told."""
    call = _judge(0, 1, status, stream, text, {})
    assert (call.whole, call.told) == (whole, told)


def test_a_stream_has_begun_when_there_is_text() -> None:
    """A role is no content."""
    assert not _judge(0, 1, 200, True, b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}', {}).begun
    assert _judge(0, 1, 200, True, b'data: {"choices":[{"delta":{"content":"Hi"}}]}', {}).begun


def test_failover_is_what_failed_attempts_took() -> None:
    """By the gateway's own headers."""
    headers = {
        "X-Tollhouse-Attempts": "3",
        "X-Tollhouse-Attempt-1": "a (m): connect after 0.250 s",
        "X-Tollhouse-Attempt-2": "b (m): server_error 500 after 0.500 s",
        "X-Tollhouse-Attempt-3": "c (m): answered 200 after 9.000 s",
    }
    call = _judge(0, 10, 200, False, b"{}", headers)
    assert (call.attempts, call.failover_s, call.met) == (3, 0.75, False)
    assert _judge(0, 10, 200, False, b"{}", {"X-Tollhouse-Attempt-1": "anthropic (m): slow after 1 s"}).met
