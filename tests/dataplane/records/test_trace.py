"""W3C trace context, in and out."""

import pytest
from tollhouse.dataplane.records.trace import new_context, read_traceparent

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_callers_context_is_taken_up_and_passed_on():
    """The trace stays, the span is a new one, each attempt has its own."""
    parent = read_traceparent(GOOD)
    assert parent == (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, True)
    trace = new_context(parent, sampled=True)
    assert (trace.trace_id, trace.parent_id) == parent[:2]
    assert read_traceparent(trace.header(1)) == (trace.trace_id, trace.attempt_id(1), True)
    ids = {trace.span_id, trace.attempt_id(1), trace.attempt_id(2), trace.attempt_id(-1)}
    assert len(ids) == 4


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "garbage",
        GOOD[:-1],
        GOOD.upper(),
        f"ff{GOOD[2:]}",
        f"{GOOD}-more",
        GOOD.replace("b7ad6b7169203331", "0" * 16),
    ],
)
def test_what_is_no_context_begins_a_new_trace(text: str | None):
    """Malformed headers are ignored, as the standard asks."""
    assert read_traceparent(text) is None
    assert new_context(None, sampled=False).parent_id == 0


def test_a_later_version_may_say_more():
    """Only what is known of it counts."""
    parent = read_traceparent(f"01{GOOD[2:]}-more")
    assert parent is not None
    assert parent[2]
