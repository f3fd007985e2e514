"""Budgets stand as nodes count them, under each key; those nobody used yet stand there too."""

from __future__ import annotations

from typing import Any

from tollhouse.controlplane.console.budgets import PAGE, Budgets, Wanted, standing
from tollhouse.controlplane.console.roster import Rosters

from tests.controlplane.console.people import TREE, FakeNodes, FakeService, consumers, state

DAY: dict[str, Any] = {"unit": "usd", "amount": "10", "window": "day"}


def budgets(nodes: FakeNodes, *configured: dict[str, Any]) -> Budgets:
    service = FakeService(consumers(9), TREE, [], list(configured))
    return Budgets(Rosters(service), nodes)  # type: ignore[arg-type]


async def test_counts_of_nodes_are_added_and_shared_ones_are_not() -> None:
    """Where all nodes count in one place each of them tells the same."""
    for store, spent in (("node", 2.0), ("redis", 1.0)):
        told, _ = await FakeNodes(state("b", "b"), store=store, nodes=("n1", "n2")).budgets()
        assert [(row["limit"], row["spent"]) for row in standing(told)] == [(10.0, spent)]


async def test_those_nearest_to_their_end_stand_first_and_many_keys_are_paged() -> None:
    """A budget for each of many agents is searched by name; the overview asks only for what is nearly gone."""
    each = [state("each", f"each|consumer=agent-{number}", spent=number * 10**7) for number in range(1000)]
    page = budgets(FakeNodes(*each), {"id": "each", "scope": {"consumer": "each"}, **DAY}, {"id": "new", **DAY})
    told = await page.show(Wanted())
    assert (len(told["budgets"]), told["total"], told["pages"]) == (PAGE, 1001, 11)
    assert told["budgets"][0]["key"] == "each|consumer=agent-999"
    assert (await page.show(Wanted(search="AGENT-12")))["found"] == 11
    assert (await page.show(Wanted(at_least=0.99)))["found"] == 10
    [unused] = (await page.show(Wanted(search="new")))["budgets"]
    assert (unused["unused"], unused["limit"], unused["spent"], unused["on_exceed"]) == (True, 10.0, 0.0, "reject")


async def test_an_agent_has_its_own_keys_and_those_of_its_teams() -> None:
    """Not those of others; a budget it did not use yet is there."""
    keys = ("each|consumer=agent-1", "each|consumer=agent-2", "teams|consumer_group=company", "teams|consumer_group=x")
    nodes = FakeNodes(*(state(key.partition("|")[0], key) for key in keys), state("gone", "gone"))
    configured = (
        {"id": "each", "scope": {"consumer": "each"}, **DAY},
        {"id": "teams", "scope": {"consumer_group": "each"}, **DAY},
        {"id": "own", "scope": {"consumer": "agent-1"}, **DAY, "on_exceed": "alert"},
    )
    told = await budgets(nodes, *configured).of("agent-1", "team-1")
    assert [(row["key"], row["enforced"]) for row in told["budgets"]] == [
        *(("each|consumer=agent-1", True), ("teams|consumer_group=company", True), ("own", False))
    ]
    team = await budgets(nodes, *configured).of("", "team-1")
    assert [row["key"] for row in team["budgets"]] == ["teams|consumer_group=company"]
