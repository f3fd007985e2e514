"""Questions to the ledger: tags, service tiers, trees of groups, totals beside limited rows."""

from typing import Any

import pytest
from tollhouse.controlplane.ledger.answers import BadQuestion, Question
from tollhouse.controlplane.ledger.ledger import Ledger

from tests.support.ledgers import HOUR, NOW, record


async def test_tags_and_tiers(ledger: Ledger) -> None:
    """A tag is asked by its name; attempts without it are under nothing."""
    await ledger.store(
        [
            record("1", tags={"team.x": "a", "env": "prod"}, service_tier="flex"),
            record("2", tags={"team.x": "b"}, cost_nano_usd=500),
            record("3", cost_nano_usd=10),
        ]
    )
    by_tag = await ledger.spend(Question(("tag:team.x",)))
    assert [(row.keys["tag:team.x"], row.sums["cost_nano"]) for row in by_tag] == [("a", 1000), ("b", 500), ("", 10)]
    (prod,) = await ledger.spend(Question(filter={"tag:env": "prod"}))
    assert prod.sums["cost_nano"] == 1000
    assert [row.keys["tier"] for row in await ledger.spend(Question(("tier",)))] == ["flex", ""]
    with pytest.raises(BadQuestion, match="tag:<name>"):
        await ledger.spend(Question(('tag:a"b',)))


async def test_a_tree_counts_for_teams_and_for_what_they_belong_to(ledger: Ledger) -> None:
    """The organisation's row has its teams' in it, and the total has everything once."""
    await ledger.store(
        [
            record("1", groups=["search", "company"]),
            record("2", groups=["mail", "company"], cost_nano_usd=300),
            record("3", groups=["company"], cost_nano_usd=20),
            record("4", groups=[], cost_nano_usd=1),
        ]
    )
    rows, total = await ledger.answer(Question(("tree",)))
    assert {row.keys["tree"]: row.sums["cost_nano"] for row in rows} == {
        "company": 1320,
        "search": 1000,
        "mail": 300,
        "": 1,
    }
    assert rows[0].keys["tree"] == "company"
    assert total.sums["cost_nano"] == 1321


async def test_a_limit_does_not_shorten_the_total(ledger: Ledger) -> None:
    """What is left out of the rows is in the total."""
    await ledger.store([record(str(number), consumer=f"c{number}") for number in range(5)])
    rows, total = await ledger.answer(Question(("consumer",), limit=2))
    assert (len(rows), total.sums["cost_nano"]) == (2, 5000)


@pytest.mark.parametrize("fields", [{}, {"session": "s"}])
async def test_savings_and_retries_are_sums_like_others(ledger: Ledger, fields: dict[str, Any]) -> None:
    """In hourly sums as in single records."""
    await ledger.store(
        [
            record("1", cache_saved_nano_usd=70, routing_saved_nano_usd=-5, **fields),
            record("2", attempt=2, cost_nano_usd=40, started_ms=NOW + HOUR, **fields),
        ]
    )
    (row,) = await ledger.spend(Question(filter=fields))
    wanted = {"cache_saved_nano": 70, "routing_saved_nano": -5, "retried_nano": 40, "corrected_nano": 0, "requests": 1}
    assert {name: row.sums[name] for name in wanted} == wanted
