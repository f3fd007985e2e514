"""Single requests of the ledger: found by what a sum was asked for, with all of their attempts."""

from __future__ import annotations

import pytest
from tollhouse.controlplane.ledger.answers import BadQuestion, Question
from tollhouse.controlplane.ledger.ledger import Ledger

from tests.support.ledgers import HOUR, NOW, record


async def test_a_request_has_all_its_attempts_whichever_was_asked_for(ledger: Ledger) -> None:
    """Pages go back in time; the dearest come first when asked to."""
    await ledger.store(
        [
            record("a1", request="a", outcome="status", model="gpt-4o", cost_nano_usd=0),
            record("a2", request="a", attempt=2, model="claude", provider="anthropic", started_ms=NOW + 2000),
            record("b1", request="b", consumer="other", cost_nano_usd=9000, started_ms=NOW + HOUR),
        ]
    )
    (found,), following = await ledger.requests(Question(filter={"model": "claude"}), "newest", 0)
    assert (found.id, [one["attempt"] for one in found.attempts], found.cost_nano, following) == ("a", [1, 2], 1000, 0)
    first, following = await ledger.requests(Question(limit=1), "newest", 0)
    assert ([one.id for one in first], following) == (["b"], NOW + HOUR)
    second, _ = await ledger.requests(Question(limit=1), "newest", following)
    assert [one.id for one in second] == ["a"]
    dearest, _ = await ledger.requests(Question(), "dearest", 0)
    assert [one.id for one in dearest] == ["b", "a"]
    one = await ledger.request("b")
    assert one is not None
    assert one.attempts[0]["consumer"] == "other"
    assert await ledger.request("nothing") is None
    for question, order in ((Question(), "prettiest"), (Question(filter={"colour": "red"}), "newest")):
        with pytest.raises(BadQuestion):
            await ledger.requests(question, order, 0)
