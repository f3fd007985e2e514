"""What pages ask for, through a control plane: who may see what of whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from tollhouse.controlplane.console import looking

from tests.controlplane.console.test_handlers import Visitor
from tests.controlplane.plane import ADMIN, VIEWER, Plane

LEAD = "lead-key-of-the-tests-0123456789"


@pytest.fixture
async def visitor(plane: Plane) -> AsyncIterator[Visitor]:
    jar = aiohttp.CookieJar(unsafe=True)  # for an IP address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Visitor(plane, session)


async def people(plane: Plane) -> None:
    """Two teams with an agent each, one of them stopped, and somebody who leads the other."""
    for team in ("red", "blue"):
        await plane.call("PUT", f"consumer_groups/{team}", {"plugins": {}})
        await plane.call("PUT", f"consumers/of-{team}", {"username": f"of-{team}", "group_id": team})
        budget = {"scope": {"consumer_group": team}, "unit": "usd", "amount": "3", "window": "day"}
        assert (await plane.call("PUT", f"budgets/{team}", budget)).status == 201
    assert (await plane.call("PUT", "stops/group.blue", {"consumer_group": "blue"})).status == 201
    lead = {"role": "operator", "consumer_groups": ["red"], "keys": [{"id": "k", "key": LEAD}]}
    told = await plane.call("PUT", "admins/lead", lead)
    assert told.status == 201, told.text


async def sign_in_stored(visitor: Visitor) -> None:
    """With the key of an identity that was just written: they are followed, a moment later."""
    while (status := await visitor.sign_in(LEAD)) == 401:
        await asyncio.sleep(0.02)
    assert status == 200


async def test_an_agent_stopped_through_its_team_is_told_as_stopped(plane: Plane, visitor: Visitor) -> None:
    """In the list, on its own page, and on its team's; with the budgets that count it."""
    await people(plane)
    await visitor.sign_in(VIEWER)
    listed = {row["name"]: row["stop"] for row in (await visitor.call("GET", "agents"))[1]["list"]}
    for path in ("agents", "agents/of-blue", "teams", "teams/blue"):
        assert (await visitor.call("GET", path))[1]["since"] <= time.time(), path  # its figures are of no earlier time
    assert (listed["of-blue"]["by"], listed["of-blue"]["of"], listed["of-red"]) == ("team", "blue", None)
    agent = (await visitor.call("GET", "agents/of-blue"))[1]
    assert (agent["stop"]["id"], [row["budget"] for row in agent["budgets"]]) == ("group.blue", ["blue"])
    assert agent["keys"] == []
    team = (await visitor.call("GET", "teams/blue"))[1]
    assert (team["agents"], team["stop"]["by"], team["budgets"][0]["limit"]) == (1, "team", 3.0)
    assert [row["id"] for row in (await visitor.call("GET", "teams?search=re"))[1]["list"]] == ["red"]
    assert (await visitor.call("GET", "agents?stopped=true"))[1]["found"] == 1
    listed = (await visitor.call("GET", "objects/consumers?search=of-r"))[1]
    assert [(row["id"], row["value"]["group_id"]) for row in listed["list"]] == [("of-red", "red")]
    assert (await visitor.call("GET", "objects/unicorns"))[0] == 404
    for path in ("agents/nobody", "teams/nobody"):
        assert (await visitor.call("GET", path))[0] == 404


async def test_who_leads_a_team_sees_its_people_and_nothing_of_others(plane: Plane, visitor: Visitor) -> None:
    """And no figures of all."""
    await people(plane)
    await sign_in_stored(visitor)
    assert (await visitor.call("GET", "session"))[1]["narrowed"] is True  # it begins where it may look
    assert [row["name"] for row in (await visitor.call("GET", "agents"))[1]["list"]] == ["of-red"]
    assert [row["id"] for row in (await visitor.call("GET", "teams"))[1]["list"]] == ["red"]
    assert [row["budget"] for row in (await visitor.call("GET", "budgets"))[1]["budgets"]] == ["red"]
    assert (await visitor.call("GET", "agents/of-blue"))[0] == 404
    for path in ("overview", "targets", "fleet", "tail"):
        assert (await visitor.call("GET", path))[0] == 403


async def test_who_leads_a_team_closes_no_target_to_the_others(plane: Plane, visitor: Visitor) -> None:
    """Nor has a button for what would be refused."""
    await people(plane)
    await sign_in_stored(visitor)
    assert (await visitor.call("POST", "targets", {"name": "gpt", "action": "open"}))[0] == 403
    session = (await visitor.call("GET", "session"))[1]
    assert session["writes"] == session["deletes"] == ["consumer_groups", "consumers", "credentials", "stops"]
    assert session["ledger"] is False


async def test_live_requests_end_with_the_key_that_may_see_them(
    plane: Plane, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is left open shows nothing to somebody who is no longer let in."""
    monkeypatch.setattr(looking, "PING_S", 0.05)
    keys = [{"id": "k", "key": LEAD}]
    assert (await plane.call("PUT", "admins/watcher", {"role": "viewer", "keys": keys})).status == 201
    await sign_in_stored(visitor)
    async with visitor.session.get(f"{plane.url}/ui/api/tail") as stream:
        assert await stream.content.readline() == b": from now on\n"
        assert (await plane.call("DELETE", "admins/watcher")).status == 200
        async with asyncio.timeout(5):
            rest = await stream.read()
    assert b"data:" not in rest


async def test_arguments_that_are_none_are_refused(visitor: Visitor) -> None:
    """By their names."""
    await visitor.sign_in(ADMIN)
    for path in ("agents?page=x", "agents?sort=height", "teams?page=-1", "budgets?at_least=half", "overview?minutes="):
        assert (await visitor.call("GET", path))[0] == 400, path
