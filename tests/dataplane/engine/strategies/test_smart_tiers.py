"""Easy work to cheap models."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tollhouse.dataplane.engine.strategies.smart_tiers import Decision, Tier, decide, order
from tollhouse.dataplane.engine.strategies.standing import Ranked, Standing

TIERS = [
    Tier("small", frozenset({"s"}), 0.3),
    Tier("middle", frozenset({"m"}), 0.6),
    Tier("large", frozenset({"l"}), 0.9),
]
RULES = [(lambda lookup: lookup("http_x_task") == "title", "small")]


@pytest.mark.parametrize(
    ("difficulty", "task", "opted_out", "tier"),
    [
        (0.1, "", False, 0),
        (0.3, "", False, 0),
        (0.5, "", False, 1),
        (0.95, "", False, 2),
        (0.95, "title", False, 0),
        (0.1, "title", True, 2),
    ],
)
def test_rules_then_difficulty(difficulty: float, task: str, opted_out: bool, tier: int) -> None:
    """Opting out outweighs rules, rules outweigh the score; what no tier takes goes to the last."""
    assert decide(TIERS, RULES, lambda name: task, difficulty, opted_out).tier == tier


def test_failing_over_goes_to_the_more_capable_first() -> None:
    """Then to the cheaper; targets of no tier are the last."""

    def inside(members: Sequence[Standing], tier: int) -> list[Ranked]:
        return [Ranked(one.name, "w") for one in members]

    group = [Standing(name) for name in ("x", "l", "s", "m")]
    ranked = order(group, TIERS, Decision(1, "because"), inside)
    assert [one.name for one in ranked] == ["m", "l", "s", "x"]
    assert ranked[0].why == "tier middle (because), w"


def test_a_target_is_meant_by_either_name_and_stands_once() -> None:
    """The provider's id, or that and the model; in the first of the tiers that name it."""
    tiers = [Tier("small", frozenset({"openai/mini"}), 0.5), Tier("large", frozenset({"openai", "openai/mini"}), 1.0)]
    group = [Standing("openai", also="openai/big"), Standing("other", also="openai/mini")]

    def inside(members: Sequence[Standing], tier: int) -> list[Ranked]:
        return [Ranked(one.name, "w") for one in members]

    assert [one.name for one in order(group, tiers, Decision(0, "x"), inside)] == ["other", "openai"]
    assert [one.name for one in order(group, tiers, Decision(1, "x"), inside)] == ["openai", "other"]
