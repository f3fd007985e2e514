"""Whether and where to try again. A generator that is told how each try ended and says what to do; it never sleeps.

    steps = failover(targets, policy, started_s, budget, luck)
    step = next(steps)
    while isinstance(step, Try | Wait):
        step = steps.send(what happened)

``Try`` is answered by an ``Ended``, ``Wait`` by the time it is now (monotonic seconds).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from tollhouse.dataplane.engine.paths import NO_CHAINS, Chains, Path
from tollhouse.dataplane.engine.retry_budget import RetryBudget
from tollhouse.dataplane.provider import UpstreamFailure

Outcome = UpstreamFailure | None


_POINTLESS = frozenset(
    {
        *("auth", "quota", "no_access", "not_found", "bad_request", "context_too_long", "content_refused"),
        *("too_large", "unsupported"),
        *("budget", "busy", "open", "not_allowed"),
    }
)
"""Failures the same target would only repeat."""

FULL = "busy"
"""The kind of what had no room."""
BUDGET = "budget"
"""The kind of what a budget refused; statuses that are configured to fail over are of providers."""
_PASSING = frozenset({"connect", "server_error", "overloaded"})
"""Failures that may be over in a moment: worth another look at the last target when nobody else is left."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be tried after a failure."""

    hops: bool = True
    """Whether other targets may be tried at all."""
    statuses: frozenset[int] | None = None
    """Only failures with these statuses move on (APISIX); None: whatever the failure's class says. A failure without
    an answer counts as 500, one by timeout as 504."""
    max_retries: int | None = None
    """Tries after the first; None: until all targets were tried."""
    hop_limit: int = 5
    """Tries in all where there are no more ordinary targets than that; else one for each of those."""
    same_target_retries: int = 1
    """How often one target is tried again when there is no other."""
    within_s: float | None = None
    """A failure that took longer than this is final (APISIX ``retry_on_failure_within_ms``)."""
    deadline_s: float | None = None
    """Seconds after the start beyond which nothing new is begun."""
    backoff_first_s: float = 0.2
    backoff_longest_s: float = 4.0
    longest_wait_s: float = 5.0
    """A ``Retry-After`` beyond this is the client's to honour, not ours."""


NO_FAILOVER = Policy(hops=False, same_target_retries=0)
"""APISIX without a fallback strategy: the first answer is the answer."""


@dataclass(frozen=True, slots=True)
class Try:
    """Send it to the target with this index."""

    index: int
    number: int
    """Counts tries from 1."""
    following: int | None
    """The target that would be tried after it; it may be tried beside it when this one is slow to start."""

    @property
    def more(self) -> bool:
        """Another target could still be tried after it."""
        return self.following is not None


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Tell the client. ``failures`` are all there were, the last one last."""

    failures: tuple[UpstreamFailure, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """It went well."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a try ended: ``failure`` None is success. ``content_sent``: the client has seen part of the answer."""

    failure: Outcome
    now: float
    content_sent: bool = False
    beside: UpstreamFailure | None = None
    """The following target was tried beside it, and this is how that failed."""
    tries: int | None = None
    """How many the request has had by now, where somebody keeps a record: a target that was too full, too dear or shut
    was not tried. None: one more for each failure told."""


Step = Try | Wait | GiveUp | Done
Told = Ended | float | None


def failover(
    windows: Sequence[int],
    policy: Policy,
    started_s: float,
    luck: Callable[[], float],
    budget: Callable[[int], RetryBudget],
    main: int | None = None,
    chains: Chains = NO_CHAINS,
    begin: str = "availability",
    *,
    tries: int = 0,
    most: int | None = None,
) -> Generator[Step, Told, None]:
    """Walk down the targets. ``windows``: context window per target (0 unknown), in the order of trying; the first
    ``main`` of them (None: all) are the ordinary ones, the others stand in ``chains`` only. With no ordinary one it
    begins in the chain ``begin``. ``tries``: how many the request has had before, of the ``most`` it may have (None:
    as the policy and the number of targets say)."""
    failures: list[UpstreamFailure] = []
    full: list[int] = []
    path = Path(windows, len(windows) if main is None else main, policy.hops, chains, begin)
    if most is None:
        most = most_tries(policy, len(windows) if main is None else main)
    again = 0
    tried_at = started_s
    while True:
        if again == 0:
            budget(path.index).request()
        tries += 1
        told = yield Try(path.index, tries, path.after(None) if tries < most else None)
        assert isinstance(told, Ended)
        if told.failure is None:
            yield Done()
            return
        failure = told.failure
        if told.beside is not None:
            beside = path.after(None)
            assert beside is not None
            path.skip(beside)
            failures.append(told.beside)
            tries += 1
        if told.tries is not None:
            tries = told.tries
        failures.append(failure)
        chained = path.chained(failure)
        stop = _stop(policy, failure, told, tried_at, started_s, chained=chained, spent=tries >= most)
        if stop:
            yield GiveUp(tuple(failures), stop)
            return
        target = path.after(failure)
        if failure.kind == FULL:
            full.append(path.index)
        elif target is None and full and policy.hops and failure.failure_class != "final":
            path.readmit(full)  # there may be room by now
            full = []
            target = path.after(failure)
        if target is not None and (failure.failure_class == "next" or chained or _moves_on(failure, policy)):
            path.go(target, failure)
            again, tried_at = 0, told.now
            continue
        same = failure.failure_class == "retry" or (target is None and _may_pass(failure, alone=len(windows) == 1))
        wait = _again_after(policy, failure, again, luck) if same else None
        kept = RetryBudget.kept if len(windows) == 1 else 0.0
        if wait is None or again >= policy.same_target_retries or not budget(path.index).spend(kept):
            if target is not None and failure.failure_class == "retry":
                path.go(target, failure)
                again, tried_at = 0, told.now
                continue
            yield GiveUp(tuple(failures), "no target left" if policy.hops else "failing over is not configured")
            return
        if _late(policy, told.now + wait, started_s):
            yield GiveUp(tuple(failures), "the total deadline leaves no time to wait")
            return
        again += 1
        tried_at = told.now
        if wait > 0:
            now = yield Wait(wait)
            assert isinstance(now, float)
            tried_at = now


def most_tries(policy: Policy, ordinary: int) -> int:
    """How many tries a request may have that set out with so many ordinary targets."""
    most = max(policy.hop_limit, ordinary)
    return most if policy.max_retries is None else min(most, policy.max_retries + 1)


def _stop(
    policy: Policy,
    failure: UpstreamFailure,
    told: Ended,
    tried_at: float,
    started_s: float,
    *,
    chained: bool,
    spent: bool,
) -> str:
    """Why nothing more may be tried; empty when something may."""
    if told.content_sent:
        return "part of the answer was sent"
    if failure.failure_class == "final" and not chained and not _moves_on(failure, policy):
        return "trying again cannot help"
    ours = failure.kind == BUDGET  # no provider answered with anything
    if policy.statuses is not None and not (chained or ours) and status_of(failure) not in policy.statuses:
        return "this status is not configured to fail over"
    if spent:
        return "the number of tries is used up"
    if policy.within_s is not None and told.now - tried_at > policy.within_s:
        return "the failure took too long to try again"
    if _late(policy, told.now, started_s):
        return "the total deadline has passed"
    return ""


def _may_pass(failure: UpstreamFailure, *, alone: bool) -> bool:
    """Whether the last target may answer a second time what it did not the first. ``alone``: there never was another,
    so more is tried."""
    return failure.kind not in _POINTLESS if alone else failure.unsent or failure.kind in _PASSING


def status_of(failure: UpstreamFailure) -> int:
    """The status a failure counts as: APISIX takes no answer for 500, a timeout for 504."""
    if failure.status:
        return failure.status
    return 504 if failure.kind == "timeout" else 500


def _moves_on(failure: UpstreamFailure, policy: Policy) -> bool:
    """Final here, but not everywhere: a longer context elsewhere, or a status the operator listed."""
    if failure.kind == "context_too_long":
        return True
    return failure.kind != BUDGET and policy.statuses is not None and status_of(failure) in policy.statuses


def _late(policy: Policy, at: float, started_s: float) -> bool:
    return policy.deadline_s is not None and at - started_s >= policy.deadline_s


def _again_after(policy: Policy, failure: UpstreamFailure, again: int, luck: Callable[[], float]) -> float | None:
    """Seconds to wait before the same target again: ``Retry-After``, at least exponential with full jitter. None: too
    long to hold the client."""
    backoff_s = luck() * min(policy.backoff_longest_s, policy.backoff_first_s * float(2**again))
    if failure.retry_after_s is None:
        return backoff_s
    if failure.retry_after_s > policy.longest_wait_s:
        return None
    return max(failure.retry_after_s, backoff_s)  # of 0 it is no advice that a crowd should follow at once
