"""Top spenders, with the time before."""

import pytest
from tollhouse.controlplane.ledger.answers import BadQuestion, Question
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.controlplane.ledger.ranking import top

from tests.support.ledgers import HOUR, NOW, record


async def test_the_dearest_their_share_and_the_time_before(ledger: Ledger) -> None:
    """Both times are as long as one another; without a time it is the last thirty days."""
    await ledger.store(
        [
            record("1", consumer="a", cost_nano_usd=600),
            record("2", consumer="b", cost_nano_usd=300),
            record("3", consumer="c", cost_nano_usd=100),
            record("4", consumer="b", cost_nano_usd=900, started_ms=NOW - HOUR),
            record("5", consumer="a", cost_nano_usd=77, started_ms=NOW - 3 * HOUR),
        ]
    )
    found = await top(ledger._engine, "consumer", Question(from_ms=NOW, to_ms=NOW + 2 * HOUR, limit=2), NOW)
    assert [(line.key, line.cost_nano, line.share, line.before_nano) for line in found.lines] == [
        ("a", 600, 0.6, 0),
        ("b", 300, 0.3, 900),
    ]
    assert (found.total_nano, found.before_nano) == (1000, 900)
    assert (await top(ledger._engine, "model", Question(), NOW)).total_nano == 1977
    with pytest.raises(BadQuestion, match="an hour spends nothing"):
        await top(ledger._engine, "hour", Question(), NOW)
