"""Agents are searched, sorted and paged by the server, with what they did and whether they may call."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.controlplane.console.agents import PAGE, Agents, Wanted
from tollhouse.controlplane.console.roster import Rosters
from tollhouse.controlplane.service.permits import Reach
from tollhouse.controlplane.service.refusal import KeyNotFound, Refusal

from tests.controlplane.console.people import TREE, FakeSampler, FakeService, consumers


def agents(count: int, *stops: dict[str, Any]) -> tuple[Agents, FakeService]:
    service = FakeService(consumers(count), TREE, list(stops))
    return Agents(Rosters(service), FakeSampler()), service  # type: ignore[arg-type]


async def test_pages_of_ten_thousand_are_read_once_per_revision() -> None:
    """A second page costs no reading."""
    page, service = agents(10_000)
    first = await page.show(Wanted())
    assert (len(first["list"]), first["total"], first["pages"]) == (PAGE, 10_000, 101)
    assert [row["name"] for row in first["list"][:1]] == ["agent-7"]
    assert first["groups"] == ["team-0", "team-1", "team-2"]
    last = await page.show(Wanted(page=101))
    assert len(last["list"]) == 1
    assert service.reads == 1
    service.revision = 2
    await page.show(Wanted())
    assert service.reads == 2


async def test_search_team_and_order() -> None:
    """A fingerprint is listed beside the consumers; a team has those of the teams below it."""
    page, _ = agents(30)
    found = await page.show(Wanted(search="AGENT-2", sort="name"))
    assert [row["name"] for row in found["list"]] == ["agent-2", *(f"agent-2{digit}" for digit in range(10))]
    assert (await page.show(Wanted(group="team-1")))["found"] == 10
    assert (await page.show(Wanted(group="company")))["found"] == 20
    busiest = (await page.show(Wanted(sort="requests")))["list"]
    assert [(row["name"], row["known"]) for row in busiest[:2]] == [("agent-7", True), ("key-0123456789ab", False)]
    with pytest.raises(Refusal, match="sort"):
        await page.show(Wanted(sort="height"))


async def test_who_is_stopped_through_a_team_is_shown_as_stopped() -> None:
    """And found by asking for those."""
    page, _ = agents(6, {"id": "group.team-0", "consumer_group": "team-0", "desc": "loops"})
    rows = {row["name"]: row["stop"] for row in (await page.show(Wanted()))["list"]}
    assert rows["agent-0"] == {"id": "group.team-0", "by": "team", "of": "team-0", "desc": "loops"}
    assert rows["agent-1"]["by"] == "team"
    assert rows["agent-2"] is None
    assert [row["name"] for row in (await page.show(Wanted(stopped=True, sort="name")))["list"]] == [
        *("agent-0", "agent-1", "agent-3", "agent-4")
    ]
    everyone, _ = agents(6, {"id": "everyone", "everyone": True})
    told = await everyone.show(Wanted())
    assert told["everyone"]["id"] == "everyone"
    assert {(row["stop"] or {}).get("by") for row in told["list"] if row["known"]} == {"everyone"}


async def test_one_agent_with_its_teams_and_one_there_is_not() -> None:
    """An identity narrowed to a team sees its agents, and nothing of others."""
    page, service = agents(6)
    told = await page.one("agent-1")
    assert (told["group"], told["line"], told["stop"], told["requests"]) == (
        *("team-1", ["team-1", "team-0", "company"], None, 0),
    )
    values: dict[tuple[str, str], Any] = {("consumer_groups", one["id"]): one for one in service.consumer_groups}
    reach = Reach({"team-0"}, values)
    shown = await page.show(Wanted(), reach)
    assert {row["name"] for row in shown["list"]} == {"agent-0", "agent-1", "agent-3", "agent-4"}
    assert (await page.one("agent-1", reach))["line"] == ["team-1", "team-0"]
    for name, narrowed in (("agent-2", reach), ("nobody", None)):
        with pytest.raises(KeyNotFound):
            await page.one(name, narrowed)
