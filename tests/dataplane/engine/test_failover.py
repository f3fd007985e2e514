"""Failing over, as transcripts and as properties over arbitrary luck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.failover import (
    NO_FAILOVER,
    Done,
    Ended,
    GiveUp,
    Policy,
    Step,
    Try,
    Wait,
    failover,
)
from tollhouse.dataplane.engine.retry_budget import RetryBudget
from tollhouse.dataplane.provider import UpstreamFailure


def failure(kind: str, status: int = 0, cls: Any = "next", retry_after: float | None = None) -> UpstreamFailure:
    """A failure of this kind."""
    return UpstreamFailure(cls, kind, status, kind, retry_after)


DOWN = failure("connect")
BUSY = failure("rate_limited", 429, "next", 2.0)
BAD = failure("bad_request", 400, "final")
FULL = failure("busy", 503)


def play(
    outcomes: Sequence[UpstreamFailure | None],
    policy: Policy | None = None,
    targets: int = 2,
    *,
    windows: list[int] | None = None,
    took: float = 0.0,
    content: bool = False,
    luck: float = 0.5,
    budget: RetryBudget | None = None,
) -> list[Step]:
    """The steps until it is over, outcomes given in turn."""
    budget = budget or RetryBudget()
    steps = failover(windows or [0] * targets, policy or Policy(), 0.0, lambda: luck, lambda index: budget)
    now = 0.0
    step = next(steps)
    seen = [step]
    rest = iter(outcomes)
    while isinstance(step, Try | Wait):
        if isinstance(step, Wait):
            now += step.seconds
            step = steps.send(now)
        else:
            now += took
            step = steps.send(Ended(next(rest), now, content))
        seen.append(step)
    return seen


def tried(steps: list[Step]) -> list[int]:
    """The targets that were tried."""
    return [step.index for step in steps if isinstance(step, Try)]


def test_success_ends_it() -> None:
    """One try, done."""
    assert play([None]) == [Try(0, 1, True), Done()]


def test_the_next_target_comes_without_a_wait() -> None:
    """A connection refused costs no time at all."""
    assert play([DOWN, None]) == [Try(0, 1, 1), Try(1, 2, None), Done()]


def test_all_down_gives_up_with_every_failure() -> None:
    """The last one's limit is the client's to wait for."""
    last = play([DOWN, BUSY])[-1]
    assert isinstance(last, GiveUp)
    assert last.failures == (DOWN, BUSY)


def test_the_last_of_several_is_looked_at_once_more() -> None:
    """A crowd comes to whoever is left, and may find the door shut for a moment: nobody else is there to be asked."""
    steps = play([DOWN, DOWN, None])
    assert steps == [Try(0, 1, 1), Try(1, 2, None), Wait(0.1), Try(1, 3, None), Done()]
    assert tried(play([DOWN, DOWN, DOWN])) == [0, 1, 1]
    unsent = failure("timeout")
    unsent.unsent = True
    assert tried(play([DOWN, unsent, None])) == [0, 1, 1]


def test_the_last_of_several_is_not_asked_again_what_it_may_have_worked_on() -> None:
    """It had the request and fell silent, or says that there is no room: that would be billed twice, or be a storm."""
    assert tried(play([DOWN, failure("timeout")])) == [0, 1]
    assert tried(play([DOWN, BUSY])) == [0, 1]


def test_a_second_look_at_the_last_comes_out_of_the_retry_budget() -> None:
    """While all are down, requests are not multiplied."""
    budget = RetryBudget()
    tries = sum(len(tried(play([DOWN, DOWN, DOWN], budget=budget))) for _ in range(100))
    assert tries <= 200 + 10 + 200 * 0.2


def test_the_only_target_is_tried_again_after_its_retry_after() -> None:
    """Retry-After is honoured; without one the wait is a share of the backoff."""
    assert play([BUSY, None], targets=1) == [Try(0, 1, None), Wait(2.0), Try(0, 2, None), Done()]
    assert play([DOWN, None], targets=1) == [Try(0, 1, None), Wait(0.1), Try(0, 2, None), Done()]


def test_a_retry_after_of_nothing_does_not_send_a_crowd_back_at_once() -> None:
    """The share of the backoff is waited all the same."""
    at_once = failure("rate_limited", 429, "next", 0.0)
    assert play([at_once, None], targets=1) == [Try(0, 1, None), Wait(0.1), Try(0, 2, None), Done()]


def test_a_long_retry_after_is_the_clients_to_wait() -> None:
    """The gateway does not hold a request for a minute."""
    assert isinstance(play([failure("rate_limited", 429, "next", 60.0)], targets=1)[-1], GiveUp)


@pytest.mark.parametrize("kind", ["auth", "quota", "not_found"])
def test_a_pointless_retry_is_not_made(kind: str) -> None:
    """A dead key stays dead: the only target is not asked again."""
    assert tried(play([failure(kind, 401)], targets=1)) == [0]


def test_final_is_final() -> None:
    """A bad request would be bad everywhere."""
    assert tried(play([BAD])) == [0]


def test_retry_class_stays_then_moves_on() -> None:
    """First the same target once more, then the next."""
    flaky = failure("server_error", 500, "retry")
    assert tried(play([flaky, flaky, None])) == [0, 0, 1]


def test_too_long_goes_only_to_a_longer_context() -> None:
    """A target with no longer window is skipped, one with a longer is tried."""
    too_long = failure("context_too_long", 400, "final")
    assert tried(play([too_long, None], windows=[100, 100, 200])) == [0, 2]
    assert tried(play([too_long], windows=[100, 50])) == [0]


def test_without_failover_the_first_answer_stands() -> None:
    """APISIX without a fallback strategy."""
    assert tried(play([DOWN], NO_FAILOVER)) == [0]


@pytest.mark.parametrize("listed", [{429}, set(range(500, 600))])
def test_what_a_budget_refused_is_no_status(listed: set[int]) -> None:
    """Whether others may fit is for the budget to say: a refusal that is one everywhere, perhaps after waiting for
    room, is not waited for once per target, and a downgrade does not need a status."""
    policy = Policy(statuses=frozenset(listed), same_target_retries=0)
    assert tried(play([failure("budget", cls="final"), None], policy)) == [0]
    assert tried(play([failure("budget"), None], policy)) == [0, 1]


def test_only_listed_statuses_move_on() -> None:
    """``http_429`` moves on 429 only; a listed 400 moves on though it is final elsewhere."""
    only_429 = Policy(statuses=frozenset({429}), same_target_retries=0)
    assert tried(play([BUSY, None], only_429)) == [0, 1]
    assert tried(play([failure("server_error", 500)], only_429)) == [0]
    assert tried(play([BAD, None], Policy(statuses=frozenset({400})))) == [0, 1]
    only_5xx = Policy(statuses=frozenset(range(500, 600)))
    assert tried(play([DOWN, failure("timeout"), None], only_5xx, targets=3)) == [0, 1, 2]


def test_slow_failures_are_not_retried() -> None:
    """``retry_on_failure_within_ms``."""
    assert tried(play([DOWN], Policy(within_s=0.5), took=0.6)) == [0]
    assert tried(play([DOWN, None], Policy(within_s=0.5), took=0.4)) == [0, 1]


def test_max_retries_and_hop_limit_bound_the_tries() -> None:
    """The smaller of the two counts; every ordinary target may be tried once, however many there are."""
    assert tried(play([DOWN] * 9, Policy(max_retries=1), targets=9)) == [0, 1]
    assert tried(play([DOWN] * 9, Policy(max_retries=0), targets=9)) == [0]
    assert tried(play([DOWN] * 9, Policy(max_retries=6), targets=9)) == [0, 1, 2, 3, 4, 5, 6]
    assert tried(play([DOWN] * 9, Policy(same_target_retries=0), targets=9)) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    chain = {"availability": [2, 3, 4, 5, 6, 7]}
    assert tried(follow([DOWN] * 5, 2, chain, policy=Policy())) == [0, 1, 2, 3, 4], "chains do not raise it"


def test_who_could_not_be_asked_is_no_try() -> None:
    """A full, shut or too dear target costs no hop, and is not asked again for lack of others."""
    steps = failover([0, 0, 0], Policy(max_retries=1), 0.0, lambda: 0.5, lambda index: RetryBudget())
    assert next(steps) == Try(0, 1, 1)
    assert steps.send(Ended(FULL, 0.0, tries=0)) == Try(1, 1, 2)
    assert steps.send(Ended(DOWN, 0.0, tries=1)) == Try(2, 2, None)
    assert isinstance(steps.send(Ended(DOWN, 0.0, tries=2)), GiveUp)
    assert tried(play([failure("not_allowed")], targets=1)) == [0]


def test_a_second_plan_goes_on_counting() -> None:
    """A cheaper model gets what is left of the tries, and of the time."""
    steps = failover([0] * 9, Policy(), 0.0, lambda: 0.5, lambda index: RetryBudget(), tries=3, most=5)
    assert next(steps) == Try(0, 4, 1)
    assert steps.send(Ended(DOWN, 0.0)) == Try(1, 5, None)
    last = steps.send(Ended(DOWN, 0.0))
    assert isinstance(last, GiveUp)
    assert last.reason == "the number of tries is used up"


def test_the_retry_budget_stops_storms() -> None:
    """When every request fails, second tries end after the reserve and a share of traffic."""
    budget = RetryBudget()
    retried = sum(len(tried(play([DOWN, DOWN], targets=1, budget=budget))) == 2 for _ in range(100))
    assert retried <= 2 + 100 * RetryBudget.share, "what is kept is for crowds that come from another"


def test_who_had_no_room_is_looked_at_again_when_the_others_have_failed() -> None:
    """Once, after everybody else; who has no room again is given up, and so is what can go no better anywhere."""
    assert tried(play([FULL, DOWN, None])) == [0, 1, 0]
    assert tried(play([FULL, FULL, DOWN, None], targets=3)) == [0, 1, 2, 0]
    assert tried(play([FULL, FULL, DOWN, FULL, None], targets=3)) == [0, 1, 2, 0, 1]
    assert tried(play([FULL, DOWN, FULL])) == [0, 1, 0]
    assert tried(play([FULL, FULL])) == [0, 1]
    assert tried(play([FULL, failure("bad_request", 400, "final")])) == [0, 1]


FAILURES = st.builds(
    failure,
    st.sampled_from(["connect", "timeout", "rate_limited", "auth", "server_error", "context_too_long", "bad_request"]),
    st.sampled_from([0, 400, 401, 429, 500, 503]),
    st.sampled_from(["retry", "next", "final"]),
    st.none() | st.floats(0, 100),
)


@given(
    st.lists(FAILURES, min_size=40, max_size=40),
    st.integers(1, 12),
    st.floats(0.01, 30),
    st.floats(0, 5),
    st.floats(0, 0.999),
    st.none() | st.integers(0, 4),
)
def test_bounds_hold_whatever_happens(
    outcomes: list[UpstreamFailure], targets: int, deadline: float, took: float, luck: float, retries: int | None
) -> None:
    """Hop limit, retry limit and deadline are never passed, and it always ends by giving up."""
    policy = Policy(deadline_s=deadline, max_retries=retries)
    steps = play(outcomes, policy, targets, took=took, luck=luck)
    tries = tried(steps)
    assert isinstance(steps[-1], GiveUp)
    assert len(tries) <= max(policy.hop_limit, targets)
    assert retries is None or len(tries) <= retries + 1
    waited = sum(step.seconds for step in steps if isinstance(step, Wait))
    assert waited < deadline
    assert waited + took * (len(tries) - 1) < deadline or len(tries) == 1
    assert tries == sorted(tries)


@given(FAILURES, st.integers(1, 5))
def test_nothing_is_replayed_after_content(outcome: UpstreamFailure, targets: int) -> None:
    """Whatever the failure: once the client saw part of the answer there is no second try."""
    assert len(tried(play([outcome], targets=targets, content=True))) == 1


# --- chains per reason ------------------------------------------------------------------------------------------------

REFUSED = failure("content_refused", 400, "final")
TOO_LONG = failure("context_too_long", 400, "final")
POOR = failure("budget", 0, "final")


def follow(outcomes: list[UpstreamFailure | None], main: int, chains: dict[str, list[int]], **more: Any) -> list[Step]:
    """The steps with chains: as many targets as are named."""
    count = max([main, *(place + 1 for places in chains.values() for place in places)])
    budget = RetryBudget()
    steps = failover(
        more.get("windows", [0] * count),
        more.get("policy", Policy(hop_limit=10)),
        0.0,
        lambda: 0.5,
        lambda index: budget,
        main,
        chains,
        more.get("begin", "availability"),
    )
    seen = [next(steps)]
    seen += [steps.send(Ended(outcome, 0.0)) for outcome in outcomes]
    return seen


@pytest.mark.parametrize(
    ("outcome", "reason"), [(REFUSED, "content_refused"), (TOO_LONG, "context_too_long"), (POOR, "budget")]
)
def test_each_reason_has_its_own_chain(outcome: UpstreamFailure, reason: str) -> None:
    """The rest of the ordinary targets would only say the same; who is named for the reason takes over."""
    chains = {reason: [2, 3], "availability": [4]}
    assert tried(follow([outcome, outcome, None], 2, chains)) == [0, 2, 3]
    assert isinstance(follow([REFUSED], 2, {"availability": [2]})[-1], GiveUp)


def test_the_availability_chain_comes_after_everybody_else() -> None:
    """Ordinary targets first, then those named; also after another reason's chain is through."""
    assert tried(follow([DOWN, DOWN, None], 2, {"availability": [2]})) == [0, 1, 2]
    assert tried(follow([REFUSED, DOWN, None], 2, {"content_refused": [2], "availability": [3]})) == [0, 2, 3]


def test_a_chain_begins_where_nobody_is_fit() -> None:
    """The reason for which nobody is says which one."""
    assert tried(follow([None], 0, {"context_too_long": [0], "availability": [1]}, begin="context_too_long")) == [0]


def test_a_chain_is_open_even_where_failing_over_is_not_configured() -> None:
    """Naming somebody for a reason is configuring it."""
    assert tried(follow([REFUSED, None], 1, {"content_refused": [1]}, policy=NO_FAILOVER)) == [0, 1]
    assert tried(follow([DOWN], 2, {"content_refused": [2]}, policy=NO_FAILOVER)) == [0]


def test_a_rival_that_failed_is_not_tried_again() -> None:
    """It counts as a try, and its failure is told."""
    steps = failover([0, 0, 0], Policy(), 0.0, lambda: 0.5, lambda index: RetryBudget())
    assert next(steps) == Try(0, 1, 1)
    assert steps.send(Ended(DOWN, 0.0, beside=BUSY)) == Try(2, 3, None)
    last = steps.send(Ended(BUSY, 0.0))
    assert isinstance(last, GiveUp)
    assert [one.kind for one in last.failures] == ["rate_limited", "connect", "rate_limited"]


KINDS = st.sampled_from([DOWN, BUSY, BAD, REFUSED, TOO_LONG, POOR, None])


CHAINS = st.dictionaries(
    st.sampled_from(["availability", "content_refused", "context_too_long", "budget"]),
    st.lists(st.integers(0, 7), min_size=1, max_size=4, unique=True),
)


@given(st.lists(KINDS, max_size=30), st.integers(0, 4), CHAINS, st.integers(1, 8))
def test_whatever_the_chains_nobody_is_tried_twice(
    outcomes: list[UpstreamFailure | None], main: int, chains: dict[str, list[int]], hop_limit: int
) -> None:
    """Hops are bounded, every target is tried once at most, and it always ends."""
    if not main and "availability" not in chains:
        return
    budget = RetryBudget()
    budget._tokens = 0
    steps = failover(
        [0] * 8, Policy(hop_limit=hop_limit, same_target_retries=0), 0.0, lambda: 0.5, lambda i: budget, main, chains
    )
    step: Step = next(steps)
    seen = []
    for outcome in [*outcomes, *[DOWN] * 20]:
        if not isinstance(step, Try):
            break
        seen.append(step.index)
        step = steps.send(Ended(outcome, 0.0))
    assert isinstance(step, Done | GiveUp)
    assert len(seen) == len(set(seen)) <= max(hop_limit, main)
