"""What a run came to. Nothing here is written in: every figure is counted from calls and bills."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from benchmarks.before_after.runs import Call, Run

MONTH_MIN = 30 * 24 * 60
CAPABLE = ("claude-opus-4-5", "gpt-5")


@dataclass(frozen=True)
class Incident:
    """What an agent did that it must not."""

    calls: int
    stopped: int
    """Refused, and no provider was asked."""
    noticed_s: float | None
    """From its first call to the first refusal, which is logged, counted and alerted on; None: nobody noticed."""


@dataclass(frozen=True)
class Slow:
    """Calls that met the provider while it was slow, and got their answer elsewhere."""

    calls: int
    p50_s: float
    p99_s: float
    """Until somebody was asked who answered, from the call's first attempt."""
    overdue_p99_s: float
    """The same from when a healthy provider would have begun its answer; only known with the gateway."""


@dataclass(frozen=True)
class Figures:
    """One column of the table."""

    name: str
    calls: int
    failed: int
    visibility: float
    """Share of the providers' bill that can be attributed to an agent."""
    told_usd: float
    """What was known of the cost without waiting for the bill."""
    failovers: int
    failover_p99_s: float
    """Of calls that met the provider while it was down: until somebody was asked who answered."""
    streamed: Slow
    whole: Slow
    runaway: Incident
    too_many: int
    """Of its calls those beyond what its agent may ask."""
    injected: Incident
    wrongly_blocked: int
    """Ordinary calls refused like a rogue's."""
    downtime_min_month: float
    usd: float
    usd_per_million: float
    hard_on_capable: float
    easy_on_cheap: float
    wasted_usd: float
    """Billed for answers nobody got."""
    p50_s: float
    p99_s: float
    slow_p99_s: float
    """99 of 100 calls in the slow hour were answered within this."""
    provider_requests: int


def figures(run: Run) -> Figures:
    """Count everything."""
    work = [call for call in run.calls if call.task.kind == "work"]
    served = [call for call in work if call.good]
    failed = len(work) - len(served)
    usd = sum(line.nano_usd for line in run.world.bill) / 1e9
    tokens = sum(line.input_tokens + line.output_tokens for line in run.world.bill)
    down = sorted(seconds for _, seconds in _failovers(run, "down"))
    durations = sorted(call.ended_s - call.began_s for call in served)
    slow = run.scenario.slowness
    in_slow_hour = sorted(call.ended_s - call.began_s for call in served if slow.from_s <= call.began_s < slow.to_s)
    hard = [call for call in served if call.task.hard]
    easy = [call for call in served if not call.task.hard]
    return Figures(
        name=run.name,
        calls=len(work),
        failed=failed,
        visibility=_visibility(run),
        told_usd=sum(call.cost_nano for call in run.calls) / 1e9,
        failovers=len(down),
        failover_p99_s=_share(down, 0.99),
        streamed=_slow(run, streamed=True),
        whole=_slow(run, streamed=False),
        runaway=_incident(run, "runaway"),
        too_many=max(0, sum(one.task.kind == "runaway" for one in run.calls) - run.scenario.within_limit),
        injected=_incident(run, "injection"),
        wrongly_blocked=sum(_stopped(call) for call in work),
        downtime_min_month=failed / len(work) * MONTH_MIN,
        usd=usd,
        usd_per_million=usd / tokens * 1e6,
        hard_on_capable=sum(call.model in CAPABLE for call in hard) / len(hard),
        easy_on_cheap=sum(call.model not in CAPABLE for call in easy) / len(easy),
        wasted_usd=sum(line.nano_usd for line in run.world.bill if not line.delivered) / 1e9,
        p50_s=_share(durations, 0.5),
        p99_s=_share(durations, 0.99),
        slow_p99_s=_share(in_slow_hour, 0.99),
        provider_requests=run.world.requests,
    )


def _visibility(run: Run) -> float:
    """Which of the bill's lines somebody can put an agent's name to. With a gateway: those it wrote an attempt down
    for. Without: only the key tells, and a key that several agents share tells nothing."""
    billed = sum(line.nano_usd for line in run.world.bill)
    if run.name == "with":
        written = {call.task.number: list(call.recorded) for call in run.calls}
        known = 0
        for line in run.world.bill:
            models = written.get(line.task, [])
            if line.model in models:
                models.remove(line.model)
                known += line.nano_usd
        return known / billed
    users: dict[str, set[str]] = defaultdict(set)
    spent: dict[str, int] = defaultdict(int)
    agents = {call.task.number: call.task.agent for call in run.calls}
    for line in run.world.bill:
        users[line.key].add(agents[line.task])
        spent[line.key] += line.nano_usd
    return sum(nano for key, nano in spent.items() if len(users[key]) == 1) / billed


def _stopped(call: Call) -> bool:
    return call.status in (400, 403, 429) and not call.recorded


def _incident(run: Run, kind: str) -> Incident:
    calls = [call for call in run.calls if call.task.kind == kind]
    refused = [call.ended_s for call in calls if _stopped(call)]
    began_s = min(call.began_s for call in calls)
    return Incident(len(calls), len(refused), min(refused) - began_s if refused else None)


def _slow(run: Run, *, streamed: bool) -> Slow:
    met = [(call, seconds) for call, seconds in _failovers(run, "slow") if call.task.streamed == streamed]
    took = sorted(seconds for _, seconds in met)
    return Slow(
        len(met), _share(took, 0.5), _share(took, 0.99), _share(sorted(call.overdue_s for call, _ in met), 0.99)
    )


def _failovers(run: Run, met: str) -> list[tuple[Call, float]]:
    """How long calls that met a dead or slow provider had to wait for another. With a gateway: from the first attempt's
    beginning to the beginning of the one that answered. Without: from an agent's first call that failed while the
    provider was so to its next one that went well."""
    if run.name == "with":
        return [(call, call.failover_s) for call in run.calls if call.met == met]
    fault = run.scenario.outage if met == "down" else run.scenario.slowness
    waits: list[tuple[Call, float]] = []
    for agent in run.scenario.agents:
        failing: Call | None = None
        own = (call for call in run.calls if call.task.agent == agent and call.task.kind == "work")
        for call in sorted(own, key=lambda one: one.began_s):
            if not call.good and failing is None and fault.from_s <= call.began_s < fault.to_s:
                failing = call
            elif call.good and failing is not None and call.began_s > failing.began_s:
                waits.append((failing, call.began_s - failing.began_s))
                failing = None
    return waits


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
