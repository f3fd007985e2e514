"""Curves and tables are made of differences, whatever nodes come, go and begin anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tollhouse.controlplane.console.sampling import Sampler


@dataclass
class Family:
    name: str
    labels: tuple[str, ...]
    series: list[Any]
    bounds: tuple[float, ...] = ()
    kind: str = "counter"


@dataclass
class Series:
    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()


@dataclass
class Answer:
    families: list[Family]


@dataclass
class Node:
    id: str
    started_at: float


@dataclass
class FakeNodes:
    """Nodes that say what they are told to."""

    answers: dict[str, Answer] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    async def registered(self) -> tuple[Node, ...]:
        return tuple(Node(name, self.started.get(name, 0.0)) for name in (*self.answers, *self.failed))

    async def numbers(self, names: tuple[str, ...]) -> tuple[dict[str, Answer], dict[str, str]]:
        return self.answers, self.failed


class Clock:
    now = 10_000.0

    def __call__(self) -> float:
        return self.now


def answer(requests: float, cost: float, slow: int = 0) -> Answer:
    status = ("code", "route", "consumer")
    spender = ("route", "consumer", "node", "provider", "llm_model")
    return Answer(
        [
            Family(
                "apisix_http_status", status, [Series(("200", "r", "jack"), requests), Series(("502", "r", "jill"), 1)]
            ),
            Family("tollhouse_llm_cost_usd_total", spender, [Series(("r", "jack", "gpt", "openai", "gpt-4o"), cost)]),
            Family(
                "apisix_llm_latency", ("type",), [Series(("ttft",), 1.0, (10, slow, 0))], (100.0, 1000.0), "histogram"
            ),
        ]
    )


async def test_only_what_happened_since_the_first_look_counts() -> None:
    """What a node counted before is not traffic of now; a fresh node's is, and so is a restarted one's."""
    nodes, clock = FakeNodes(), Clock()
    sampler = Sampler(nodes, 10.0, clock)  # type: ignore[arg-type]
    nodes.answers["a"] = answer(1000, 50)
    await sampler.sample()
    clock.now += 10
    nodes.answers["a"] = answer(1020, 50.5)
    nodes.started["b"] = clock.now - 5
    nodes.answers["b"] = answer(7, 0.1)
    await sampler.sample()
    told = sampler.overview(60)
    assert told["totals"]["requests"] == 20 + 7 + 1
    assert round(told["totals"]["cost"], 6) == 0.6
    assert told["curves"]["requests_per_s"][-1] == 2.8
    clock.now += 10
    nodes.answers["a"] = answer(3, 0.2)
    await sampler.sample()
    assert sampler.overview(60)["totals"]["requests"] == 28 + 3 + 0
    assert told["counted"]


async def test_tables_and_quantiles_of_the_time_asked_for() -> None:
    """The dearest first; what is older than asked for is left out; silent nodes are named."""
    nodes, clock = FakeNodes(), Clock()
    sampler = Sampler(nodes, 10.0, clock)  # type: ignore[arg-type]
    nodes.answers["a"] = answer(0, 0)
    await sampler.sample()
    clock.now += 10
    nodes.answers["a"] = answer(10, 2.0, slow=1)
    nodes.failed["z"] = "unavailable"
    await sampler.sample()
    told = sampler.overview(60)
    assert told["top"]["consumers"][0] == {"name": "jack", "requests": 10.0, "cost": 2.0}
    assert told["silent_nodes"] == {"z": "unavailable"}
    assert 100 < told["curves"]["first_token_p95_ms"][-1] <= 1000
    clock.now += 3600
    await sampler.sample()
    assert sampler.overview(15)["totals"]["cost"] == 0


async def test_hours_of_samples_become_few_points_and_old_ones_go() -> None:
    """Whatever is asked for fits on a screen and in memory."""
    nodes, clock = FakeNodes({"a": answer(0, 0)}), Clock()
    sampler = Sampler(nodes, 10.0, clock)  # type: ignore[arg-type]
    for number in range(3000):
        nodes.answers["a"] = answer(number, number / 100)
        await sampler.sample()
        clock.now += 10
    told = sampler.overview(360)
    assert 200 < len(told["at"]) <= 240
    assert len(sampler.samples) <= 2162
    assert all(abs(rate - 0.1) < 0.01 for rate in told["curves"]["requests_per_s"])
