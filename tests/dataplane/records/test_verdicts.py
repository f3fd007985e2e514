"""What guards found and did."""

from tollhouse.dataplane.records.verdicts import (
    MAX_VERDICTS,
    Verdict,
    add_verdict,
    log_verdict,
    value_digest,
    verdicts_of,
)

from tests.support.prompts import exchange


def test_verdicts_are_collected_up_to_a_bound() -> None:
    """An exchange keeps its own."""
    ex = exchange({"messages": []})
    assert verdicts_of(ex) == []
    for _ in range(MAX_VERDICTS + 5):
        add_verdict(ex, Verdict("p", "r", "g", "flag", "input"))
    assert len(verdicts_of(ex)) == MAX_VERDICTS


def test_values_are_told_by_keyed_digest_only() -> None:
    """The same under one key, another under another; logs leave out what is empty."""
    assert value_digest(b"k", "v") == value_digest(b"k", "v") != value_digest(b"l", "v")
    shown = log_verdict(Verdict("p", "r", "g", "mask", "input", "messages[0]", digest="abc"))
    assert shown == {"rule": "r", "action": "mask", "direction": "input", "path": "messages[0]"}
