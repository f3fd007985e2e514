"""What all tries of a request have in common."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.dispatch.attempts.journey import Journey
from tollhouse.dataplane.dispatch.choosing.plan import Limits, Plan
from tollhouse.dataplane.dispatch.money.holding import HELD
from tollhouse.dataplane.engine.failover import Policy

NOBODY: list[Any] = [None] * 9


class Asked:
    """As much of an exchange as counts here."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}


def journey(plan: Plan, deadline_s: float | None = None) -> tuple[Journey, Asked]:
    """One that set out with a plan at 10 s."""
    ex: Any = Asked()
    return Journey(ex, plan, 10.0, deadline_s), ex


def test_waiting_for_a_budget_is_none_of_its_time() -> None:
    """What was held is not counted, however often it was held."""
    one, ex = journey(Plan([], Policy(), Limits()), 12.0)
    assert one.left_s(11.5) == 0.5
    ex.state[HELD] = 3.0
    assert (one.now(14.0), one.left_s(14.0)) == (11.0, 1.0)
    assert journey(Plan([], Policy(), Limits()))[0].left_s(1e9) == float("inf")


def test_the_number_of_tries_is_decided_by_the_plan_it_set_out_with() -> None:
    """Five, or one for each ordinary target; a cheaper model's plan changes nothing."""
    one, _ = journey(Plan(NOBODY, Policy(), Limits(), main=7))
    assert one.most_tries == 7
    one.plan = Plan(NOBODY, Policy(), Limits())
    assert one.most_tries == 7
    assert journey(Plan(NOBODY[:2], Policy(), Limits()))[0].most_tries == 5
    assert journey(Plan(NOBODY, Policy(max_retries=2), Limits()))[0].most_tries == 3
