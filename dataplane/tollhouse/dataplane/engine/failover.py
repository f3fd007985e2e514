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

from tollhouse.dataplane.provider import UpstreamFailure

Outcome = UpstreamFailure | None


_POINTLESS = frozenset({"auth", "quota", "not_found", "bad_request", "context_too_long", "content_refused"})
"""Failures the same target would only repeat."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be tried after a failure."""

    hops: bool = True
    """Whether other targets may be tried at all."""
    statuses: frozenset[int] | None = None
    """Only failures with these statuses move on (APISIX); None: whatever the failure's class says. A failure without
    an answer counts as 500, one by timeout as 504."""
    max_retries: int | None = None
    """Tries after the first; None: until all targets were tried, within ``hop_limit``."""
    hop_limit: int = 5
    """Tries in all, whatever else is configured."""
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


class RetryBudget:
    """Second tries at the same target as a share of traffic, so that trouble is not multiplied. One per target."""

    __slots__ = ("_tokens",)

    share = 0.2
    reserve = 10.0

    def __init__(self) -> None:
        self._tokens = self.reserve

    def request(self) -> None:
        """A first try happened."""
        self._tokens = min(self.reserve, self._tokens + self.share)

    def spend(self) -> bool:
        """Take one retry out of the budget, if there is one."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True, slots=True)
class Try:
    """Send it to the target with this index. ``more``: another target could still be tried after it."""

    index: int
    number: int
    """Counts tries from 1."""
    more: bool


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


Step = Try | Wait | GiveUp | Done
Told = Ended | float | None


def failover(
    windows: Sequence[int],
    policy: Policy,
    started_s: float,
    luck: Callable[[], float],
    budget: Callable[[int], RetryBudget],
) -> Generator[Step, Told, None]:
    """Walk down the targets. ``windows``: context window per target (0 unknown), in the order of trying."""
    failures: list[UpstreamFailure] = []
    index = 0
    tries = 0
    again = 0
    tried_at = started_s
    while True:
        if tries == 0 or again == 0:
            budget(index).request()
        tries += 1
        following = _next(index, windows, failures[-1] if failures else None)
        more = policy.hops and following is not None and _allowed(policy, tries)
        told = yield Try(index, tries, more)
        assert isinstance(told, Ended)
        if told.failure is None:
            yield Done()
            return
        failure = told.failure
        failures.append(failure)
        stop = _stop(policy, failure, told, tries, tried_at, started_s)
        if stop:
            yield GiveUp(tuple(failures), stop)
            return
        target = _next(index, windows, failure) if policy.hops else None
        if target is not None and (failure.failure_class == "next" or _moves_on(failure, policy)):
            index, again, tried_at = target, 0, told.now
            continue
        same = failure.failure_class == "retry" or (len(windows) == 1 and failure.kind not in _POINTLESS)
        wait = _again_after(policy, failure, again, luck) if same else None
        if wait is None or again >= policy.same_target_retries or not budget(index).spend():
            if target is not None and failure.failure_class == "retry":
                index, again, tried_at = target, 0, told.now
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


def _stop(policy: Policy, failure: UpstreamFailure, told: Ended, tries: int, tried_at: float, started_s: float) -> str:
    """Why nothing more may be tried; empty when something may."""
    if told.content_sent:
        return "part of the answer was sent"
    if failure.failure_class == "final" and not _moves_on(failure, policy):
        return "trying again cannot help"
    if policy.statuses is not None and status_of(failure) not in policy.statuses:
        return "this status is not configured to fail over"
    if not _allowed(policy, tries):
        return "the number of tries is used up"
    if policy.within_s is not None and told.now - tried_at > policy.within_s:
        return "the failure took too long to try again"
    if _late(policy, told.now, started_s):
        return "the total deadline has passed"
    return ""


def status_of(failure: UpstreamFailure) -> int:
    """The status a failure counts as: APISIX takes no answer for 500, a timeout for 504."""
    if failure.status:
        return failure.status
    return 504 if failure.kind == "timeout" else 500


def _moves_on(failure: UpstreamFailure, policy: Policy) -> bool:
    """Final here, but not everywhere: a longer context elsewhere, or a status the operator listed."""
    if failure.kind == "context_too_long":
        return True
    return policy.statuses is not None and status_of(failure) in policy.statuses


def _next(index: int, windows: Sequence[int], failure: UpstreamFailure | None) -> int | None:
    """The next target down the list; after ``context_too_long`` the next with a window known to be longer."""
    for candidate in range(index + 1, len(windows)):
        if failure is None or failure.kind != "context_too_long" or windows[candidate] > windows[index] > 0:
            return candidate
    return None


def _allowed(policy: Policy, tries: int) -> bool:
    return tries < policy.hop_limit and (policy.max_retries is None or tries <= policy.max_retries)


def _late(policy: Policy, at: float, started_s: float) -> bool:
    return policy.deadline_s is not None and at - started_s >= policy.deadline_s


def _again_after(policy: Policy, failure: UpstreamFailure, again: int, luck: Callable[[], float]) -> float | None:
    """Seconds to wait before the same target again: ``Retry-After``, else exponential with full jitter. None: too
    long to hold the client."""
    if failure.retry_after_s is not None:
        return failure.retry_after_s if failure.retry_after_s <= policy.longest_wait_s else None
    return luck() * min(policy.backoff_longest_s, policy.backoff_first_s * float(2**again))
