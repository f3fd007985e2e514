"""Whose kill switch holds, which budgets count whom."""

from __future__ import annotations

from typing import Any

from tollhouse.controlplane.console.roster import Roster, Rosters

from tests.controlplane.console.people import TREE, FakeService, consumers


def roster(*stops: dict[str, Any], budgets: tuple[dict[str, Any], ...] = ()) -> Roster:
    teams = {one["id"]: one for one in TREE}
    return Roster({one["username"]: one for one in consumers(6)}, teams, stops, budgets)


def test_the_nearest_switch_is_named() -> None:
    """An agent's own before its team's, that before the one of a team above, that before everybody's."""
    every = {"id": "everyone", "everyone": True}
    above = {"id": "group.company", "consumer_group": "company", "desc": "too dear"}
    own = {"id": "consumer.agent-1", "consumer": "agent-1"}
    stopped = roster(every, above, own).stop_of
    assert stopped("agent-1", "team-1") == {"id": "consumer.agent-1", "by": "agent", "of": "agent-1", "desc": ""}
    assert stopped("agent-4", "team-1") == {"id": "group.company", "by": "team", "of": "company", "desc": "too dear"}
    assert stopped("agent-2", "team-2") == {"id": "everyone", "by": "everyone", "of": "", "desc": ""}
    assert stopped("", "team-0") == {"id": "group.company", "by": "team", "of": "company", "desc": "too dear"}
    assert roster(own, above).stop_of("agent-2", "team-2") is None
    assert roster(own).stop_of("", "team-1") is None


def test_a_team_whose_parents_go_in_a_circle_has_an_end() -> None:
    """Nobody can write such a thing at once, two people can."""
    teams = {"a": {"id": "a", "parent_id": "b"}, "b": {"id": "b", "parent_id": "a"}}
    assert Roster({}, teams, (), ()).line("a") == ("a", "b")
    assert roster().below("team-0") == {"team-0", "team-1"}


def test_budgets_count_whom_their_scope_names() -> None:
    """Everybody, each, the agent, its team or one above; for a team none that is an agent's."""
    scopes: dict[str, dict[str, str]] = {
        "all": {},
        "each": {"consumer": "each"},
        "mine": {"consumer": "agent-1"},
        "other": {"consumer": "agent-2"},
        "above": {"consumer_group": "company"},
        "aside": {"consumer_group": "team-2"},
        "teams": {"consumer_group": "each"},
    }
    all_of_them = roster(budgets=tuple({"id": name, "scope": scope} for name, scope in scopes.items()))
    found = [one["id"] for one in all_of_them.budgets_of("agent-1", "team-1")]
    assert found == ["all", "each", "mine", "above", "teams"]
    assert [one["id"] for one in all_of_them.budgets_of("", "team-0")] == ["all", "above", "teams"]
    assert [one["id"] for one in all_of_them.budgets_of("x", "")] == ["all", "each"]


async def test_it_is_read_once_per_revision() -> None:
    """Asking often costs little."""
    service = FakeService(consumers(3))
    rosters = Rosters(service)  # type: ignore[arg-type]
    assert len((await rosters.now()).consumers) == 3
    await rosters.now()
    assert service.reads == 1
    service.revision = 2
    await rosters.now()
    assert service.reads == 2
