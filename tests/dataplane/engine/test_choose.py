"""Which targets are considered, in which order, and the reasons given."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.dataplane.engine.choose import Asked, Candidate, Choice, Condition, choose

FIT = Condition()


def by_weight(weights: Mapping[str, int], priority: int) -> list[str]:
    """A balancer without memory: heaviest first."""
    return sorted(weights, key=lambda name: -weights[name])


def pick(candidates: list[Candidate], asked: Asked | None = None, **conditions: Condition) -> Choice:
    """Choose with given conditions by name."""
    return choose(candidates, asked or Asked(), lambda item: conditions.get(item.name, FIT), by_weight)


def names(choice: Choice) -> list[str]:
    """The order of trying."""
    return [item.name for item in choice.order]


def test_native_first_then_priority_then_the_balancer() -> None:
    """A stand-in comes after every target that has the model itself, whatever its priority."""
    candidates = [
        Candidate("stand-in", "p", "other", weight=9, priority=9, native=False),
        Candidate("low", "p", "m", weight=9, priority=-1),
        Candidate("light", "p", "m", weight=1),
        Candidate("heavy", "p", "m", weight=5),
    ]
    assert names(pick(candidates)) == ["heavy", "light", "low", "stand-in"]


def test_the_unfit_are_left_out_with_the_reason() -> None:
    """Permission, ability, size and quota exclude for good; each says why."""
    candidates = [
        Candidate("forbidden", "p", "m"),
        Candidate("blind", "p", "m", lacks=frozenset({"vision"})),
        Candidate("small", "p", "m", context_window=100),
        Candidate("spent", "p", "m"),
        Candidate("nought", "p", "m", weight=0),
        Candidate("good", "p", "m", context_window=10_000),
    ]
    choice = pick(
        candidates,
        Asked(frozenset({"vision"}), 5000),
        forbidden=Condition(forbidden="the consumer may not use m"),
        spent=Condition(spent="its quota is spent"),
    )
    assert names(choice) == ["good"]
    assert {item.name: reason for item, reason in choice.excluded} == {
        "forbidden": "the consumer may not use m",
        "blind": "cannot do vision",
        "small": "about 5000 tokens do not fit its context of 100",
        "spent": "its quota is spent",
        "nought": "weight 0",
    }


def test_the_sick_are_skipped_while_another_is_fit() -> None:
    """Open breakers and failed probes exclude only as long as there is a choice."""
    candidates = [Candidate("a", "p", "m"), Candidate("b", "p", "m")]
    choice = pick(candidates, a=Condition(open="breaker open"))
    assert names(choice) == ["b"]
    assert not choice.last_resort


def test_nobody_fit_means_the_unhealthy_are_tried() -> None:
    """As APISIX does; open breakers only when there is nothing else, the forbidden never."""
    candidates = [Candidate("a", "p", "m"), Candidate("b", "p", "m"), Candidate("c", "p", "m")]
    choice = pick(
        candidates, a=Condition(unhealthy="probe failed"), b=Condition(open="open"), c=Condition(forbidden="no")
    )
    assert names(choice) == ["a"]
    assert choice.last_resort
    choice = pick(candidates, a=Condition(open="x"), b=Condition(open="open"), c=Condition(forbidden="no"))
    assert names(choice) == ["a", "b"]
    assert pick(candidates[2:], c=Condition(forbidden="no")).order == []


def test_explaining_ranks_and_excludes() -> None:
    """The order from 1, the excluded with rank 0."""
    lines = pick([Candidate("a", "p", "m", weight=2), Candidate("b", "p", "m", weight=0)]).explain()
    assert [(line.name, line.rank) for line in lines] == [("a", 1), ("b", 0)]
    assert lines[1].reason == "weight 0"
