"""What the nodes counted, sampled every few seconds and kept for some hours: curves and tables for the console.

Only differences are kept. A node that starts anew begins at zero; one that is seen for the first time, and ran before,
is counted from then on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.controlplane.service.refusal import Refusal

_log = logging.getLogger("tollhouse.controlplane.console")

KEPT_S = 6 * 3600.0
BUCKET_S = 60.0

STATUS = "apisix_http_status"
COST = "tollhouse_llm_cost_usd_total"
TOKENS = "tollhouse_llm_tokens_total"
ATTEMPTS = "tollhouse_attempts_total"
FAILOVERS = "tollhouse_failovers_total"
ERRORS = "tollhouse_errors_total"
LATENCY = "apisix_llm_latency"
ACTIVE = "apisix_llm_active_connections"
NAMES = (STATUS, COST, TOKENS, ATTEMPTS, FAILOVERS, ERRORS, LATENCY, ACTIVE)

Labels = tuple[str, ...]


@dataclass(slots=True)
class Sample:
    """What happened between the sample before and this one, over all nodes."""

    at: float
    span_s: float
    requests: float = 0
    refused: float = 0
    """Answers of 400 to 499."""
    failed: float = 0
    """Answers of 500 and above."""
    cost: float = 0
    input_tokens: float = 0
    cached_tokens: float = 0
    output_tokens: float = 0
    failovers: float = 0
    first_token: list[int] = field(default_factory=list)
    """Counts per bucket of milliseconds."""


@dataclass(slots=True)
class Bucket:
    """One minute's sums by who and what."""

    at: float
    sums: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """(dimension, value, measure) -> sum."""

    def add(self, dimension: str, value: str, measure: str, amount: float) -> None:
        """Count."""
        key = (dimension, value, measure)
        self.sums[key] = self.sums.get(key, 0.0) + amount


class Sampler:
    """Asks all nodes again and again. One per process; ``run`` until cancelled."""

    def __init__(self, nodes: Nodes, every_s: float = 10.0, clock: Callable[[], float] = time.time) -> None:
        self._nodes = nodes
        self._every_s = every_s
        self._clock = clock
        self._last: dict[str, dict[tuple[str, Labels], tuple[float, ...]]] = {}
        self._sampled_at = 0.0
        self.samples: deque[Sample] = deque()
        self.buckets: deque[Bucket] = deque()
        self.bounds: tuple[float, ...] = ()
        self.active = 0.0
        self.failed: dict[str, str] = {}
        """Nodes that did not answer the last time, and why."""
        self.counted = False
        """Whether any node counts requests at all: without the ``prometheus`` plugin none does."""
        self.problem = ""

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.sample()
                self.problem = ""
            except Refusal as error:
                self.problem = error.text
            except Exception:
                _log.exception("nodes not sampled")
                self.problem = "internal error; the control plane's log says more"
            await asyncio.sleep(self._every_s)

    async def sample(self) -> None:
        """Ask all nodes once."""
        registered = {node.id: node.started_at for node in await self._nodes.registered()}
        answers, self.failed = await self._nodes.numbers(NAMES)
        now = self._clock()
        sample = Sample(now, now - self._sampled_at if self._sampled_at else self._every_s)
        if not self.buckets or now - self.buckets[-1].at >= BUCKET_S:
            self.buckets.append(Bucket(now))
        self.active = 0.0
        for node, answer in answers.items():
            fresh = registered.get(node, 0.0) > self._sampled_at > 0
            self._take(node, answer.families, sample, fresh)
        for gone in set(self._last) - set(registered):
            del self._last[gone]
        self._sampled_at = now
        self.samples.append(sample)
        while self.samples and self.samples[0].at < now - KEPT_S:
            self.samples.popleft()
        while self.buckets and self.buckets[0].at < now - KEPT_S:
            self.buckets.popleft()

    def _take(self, node: str, families: Iterable[Any], sample: Sample, fresh: bool) -> None:
        before = self._last.get(node)
        seen: dict[tuple[str, Labels], tuple[float, ...]] = {}
        for family in families:
            if family.name == ACTIVE:
                self.active += sum(series.value for series in family.series)
                continue
            if family.name == STATUS and family.series:
                self.counted = True
            if family.name == LATENCY:
                self.bounds = tuple(family.bounds)
            for series in family.series:
                key = (family.name, tuple(series.labels))
                value = (series.value, *series.counts)
                seen[key] = value
                if before is not None or fresh:
                    change = _difference((before or {}).get(key), value)
                    if any(change):
                        self._count(family.name, dict(zip(family.labels, series.labels, strict=True)), change, sample)
        self._last[node] = seen

    def _count(self, name: str, labels: dict[str, str], change: tuple[float, ...], sample: Sample) -> None:
        amount, bucket = change[0], self.buckets[-1]
        if name == STATUS:
            sample.requests += amount
            code = labels["code"]
            sample.failed += amount if code >= "500" else 0
            sample.refused += amount if "400" <= code < "500" else 0
            bucket.add("consumer", labels["consumer"], "requests", amount)
            bucket.add("route", labels["route"], "requests", amount)
            if code >= "400":
                bucket.add("consumer", labels["consumer"], "errors", amount)
                bucket.add("route", labels["route"], "errors", amount)
        elif name == COST:
            sample.cost += amount
            for dimension in ("consumer", "provider", "llm_model", "route"):
                bucket.add(dimension, labels[dimension], "cost", amount)
        elif name == TOKENS:
            self._count_tokens(labels, amount, sample)
        elif name == FAILOVERS:
            sample.failovers += amount
        elif name == ERRORS:
            bucket.add("code", labels["code"], "errors", amount)
        elif name == ATTEMPTS:
            bucket.add("target", labels["target"], "attempts", amount)
            if labels["outcome"] not in ("ok", "cancelled"):
                bucket.add("target", labels["target"], "failures", amount)
        elif name == LATENCY and labels["type"] == "ttft":
            counts = [int(count) for count in change[1:]]
            kept = sample.first_token or [0] * len(counts)
            sample.first_token = [a + b for a, b in zip(kept, counts, strict=True)]

    def _count_tokens(self, labels: dict[str, str], amount: float, sample: Sample) -> None:
        kind = labels["type"]
        if kind not in ("input", "output", "cached"):
            return
        setattr(sample, f"{kind}_tokens", getattr(sample, f"{kind}_tokens") + amount)
        if kind != "cached":
            for dimension in ("consumer", "llm_model"):
                self.buckets[-1].add(dimension, labels[dimension], "tokens", amount)
            self.buckets[-1].add("priced", f"{labels['provider']}/{labels['llm_model']}", "tokens", amount)

    # -- what the console shows

    def overview(self, minutes: int, points: int = 240) -> dict[str, Any]:
        """Curves and sums of the last minutes."""
        since = self._clock() - minutes * 60
        samples = [sample for sample in self.samples if sample.at >= since]
        size = max(1, -(-len(samples) // points))
        groups = [samples[start : start + size] for start in range(0, len(samples), size)]
        curves: dict[str, list[float | None]] = {name: [] for name in _CURVES}
        for group in groups:
            span = sum(one.span_s for one in group) or self._every_s
            for name, (attribute, factor) in _CURVES.items():
                curves[name].append(sum(getattr(one, attribute) for one in group) / span * factor)
        totals = {
            name: sum(getattr(one, name) for one in samples)
            for name in ("requests", "refused", "failed", "cost", "input_tokens", "cached_tokens", "output_tokens")
        }
        return {
            "at": [group[-1].at for group in groups],
            "since": samples[0].at - samples[0].span_s if samples else None,
            "curves": {**curves, "first_token_p95_ms": [self._p95(group) for group in groups]},
            "totals": {**totals, "failovers": sum(one.failovers for one in samples)},
            "active": self.active,
            "counted": self.counted,
            "silent_nodes": self.failed,
            "problem": self.problem,
            "top": {
                "consumers": self.table("consumer", since, "cost", 10),
                "models": self.table("llm_model", since, "cost", 10),
                "errors": self.table("code", since, "errors", 10),
            },
        }

    def since(self) -> float | None:
        """From when on there are numbers: a control plane that was started again knows nothing of the time before."""
        return self.samples[0].at - self.samples[0].span_s if self.samples else None

    def table(self, dimension: str, since: float, order: str, most: int = 0) -> list[dict[str, Any]]:
        """Sums by one dimension, the largest first."""
        sums: dict[str, dict[str, Any]] = {}
        for bucket in self.buckets:
            if bucket.at < since - BUCKET_S:
                continue
            for (found, value, measure), amount in bucket.sums.items():
                if found == dimension:
                    row = sums.setdefault(value, {"name": value})
                    row[measure] = row.get(measure, 0.0) + amount
        rows = sorted(sums.values(), key=lambda row: (-row.get(order, 0.0), row["name"]))
        return rows[:most] if most else rows

    def _p95(self, group: list[Sample]) -> float | None:
        counts: list[int] = [
            sum(column) for column in zip(*(one.first_token for one in group if one.first_token), strict=False)
        ]
        total = sum(counts)
        if not total or not self.bounds:
            return None
        running, wanted = 0, total * 0.95
        for index, count in enumerate(counts):
            if running + count >= wanted:
                low: float = self.bounds[index - 1] if index else 0.0
                high: float = self.bounds[index] if index < len(self.bounds) else self.bounds[-1]
                return low + (high - low) * ((wanted - running) / count)
            running += count
        return self.bounds[-1]


_CURVES = {
    "requests_per_s": ("requests", 1.0),
    "refused_per_s": ("refused", 1.0),
    "failed_per_s": ("failed", 1.0),
    "usd_per_hour": ("cost", 3600.0),
    "failovers_per_min": ("failovers", 60.0),
}


def _difference(before: tuple[float, ...] | None, now: tuple[float, ...]) -> tuple[float, ...]:
    """What was added; everything, where a counter began anew."""
    if before is None or len(before) != len(now) or any(new < old for old, new in zip(before, now, strict=True)):
        return now
    return tuple(new - old for old, new in zip(before, now, strict=True))
