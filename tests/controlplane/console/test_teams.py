"""Teams are the tree they are; each has what those below it did."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.controlplane.console.roster import Rosters
from tollhouse.controlplane.console.teams import PAGE, Teams
from tollhouse.controlplane.service.permits import Reach
from tollhouse.controlplane.service.refusal import KeyNotFound

from tests.controlplane.console.people import TREE, FakeSampler, FakeService, consumers


def teams(tree: list[dict[str, Any]], *stops: dict[str, Any]) -> Teams:
    budgets = [{"id": "b", "scope": {"consumer_group": "team-1"}}]
    service = FakeService(consumers(9), tree, list(stops), budgets)
    return Teams(Rosters(service), FakeSampler())  # type: ignore[arg-type]


async def test_each_stands_below_its_own_with_the_sums_of_those_below() -> None:
    """agent-7 is of team-1, and so of team-0 and the company."""
    told = await teams(TREE, {"id": "s", "consumer_group": "team-0"}).show()
    rows = [
        (row["id"], row["depth"], row["agents"], row["direct"], row["cost"], row["budgets"]) for row in told["list"]
    ]
    assert rows == [
        *(("company", 0, 6, 0, 2.5, 0), ("team-0", 1, 6, 3, 2.5, 0)),
        *(("team-1", 2, 3, 3, 2.5, 1), ("team-2", 0, 3, 3, 0, 0)),
    ]
    assert [bool(row["stop"]) for row in told["list"]] == [False, True, True, False]


async def test_one_team_has_those_directly_below_it() -> None:
    """And the line above it; who is narrowed sees only what is theirs."""
    page = teams(TREE)
    one = await page.one("team-0")
    assert (one["line"], [row["id"] for row in one["teams"]]) == (["company"], ["team-1"])
    reach = Reach({"team-0"}, {("consumer_groups", row["id"]): row for row in TREE})
    assert [row["id"] for row in (await page.show(reach=reach))["list"]] == ["team-0", "team-1"]
    assert (await page.one("team-0", reach))["line"] == []
    with pytest.raises(KeyNotFound):
        await page.one("team-2", reach)


async def test_many_are_searched_and_paged_and_a_circle_is_shown() -> None:
    """Two teams that are each above the other are both at the top."""
    circle = [{"id": "a", "parent_id": "b"}, {"id": "b", "parent_id": "a"}]
    assert [(row["id"], row["depth"]) for row in (await teams(circle).show())["list"]] == [("a", 0), ("b", 0)]
    many = teams([{"id": f"t-{number:03}", "desc": "x"} for number in range(250)])
    told = await many.show(page=3)
    assert (len(told["list"]), told["pages"], told["total"]) == (250 - 2 * PAGE, 3, 250)
    assert (await many.show("T-01"))["found"] == 10
