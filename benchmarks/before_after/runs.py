"""The two runs: agents that call the provider themselves, and agents that call the gateway."""

from __future__ import annotations

import asyncio
import gc
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.runtime.secrets import NodeSecrets
from tollhouse.dataplane.runtime.telemetry.metrics import PlainMetrics
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest
from tollhouse.proto.sealing import digest

from benchmarks.before_after.counting import LocalCounters
from benchmarks.before_after.scenario import Scenario, Task
from benchmarks.before_after.virtual_time import VirtualClock
from benchmarks.before_after.world import World

SDK_RETRIES = 2
"""What the vendors' SDKs do by default, with 0.5 s, then 1 s between, and a quarter of luck."""
DEAD = frozenset({"connect", "server_error", "overloaded"})
"""Failures of a provider that is down."""
SLOW = frozenset({"timeout", "slow"})
"""Of one that does not get to its answer: no time left, or a rival was quicker."""

PATIENCE_S = 60.0
"""After this an agent gives an answer up."""


@dataclass(slots=True)
class Call:
    """How one call of an agent ended, as the agent saw it."""

    task: Task
    began_s: float
    ended_s: float
    status: int
    """0: no answer."""
    model: str = ""
    cost_nano: int = 0
    """What the gateway says it cost; 0 without one: nobody says."""
    attempts: int = 1
    failover_s: float = 0.0
    """From the first attempt's beginning to that of the one that answered, where an attempt before it failed."""
    overdue_s: float = 0.0
    """How much later the one that answered was asked than a healthy provider would have begun its answer."""
    met: str = ""
    """What failed before it: ``down`` or ``slow``; both are ``down``."""
    recorded: tuple[str, ...] = ()
    """The models of the attempts the gateway wrote down with their cost."""

    @property
    def good(self) -> bool:
        """An answer came."""
        return self.status == 200


@dataclass
class Run:
    """Everything that happened."""

    name: str
    scenario: Scenario
    world: World
    calls: list[Call] = field(default_factory=list)


Ask = Callable[[Task], Awaitable[Call]]


async def _agents(tasks: list[Task], ask: Ask, run: Run) -> None:
    """Every call at its time, whether or not the ones before have ended."""
    running: set[asyncio.Task[None]] = set()

    async def one(task: Task) -> None:
        run.calls.append(await ask(task))

    loop = asyncio.get_running_loop()
    for task in tasks:
        wait = task.at_s - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        work = loop.create_task(one(task))
        running.add(work)
        work.add_done_callback(running.discard)
    while running:
        await asyncio.wait(running)


def _body(task: Task, model: str) -> bytes:
    content = f"{task.prompt} [#{task.number}]"
    body: dict[str, Any] = {"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": content}]}
    if task.streamed:
        body["stream"] = True
    return json.dumps(body).encode()


async def without(scenario: Scenario) -> Run:
    """Five agents, one shared key, one provider and its best model: what a team starts with."""
    tasks = scenario.tasks()
    run = Run("without", scenario, World(tasks, scenario.faults, scenario.seed))
    luck = random.Random(scenario.seed + 1)
    loop = asyncio.get_running_loop()
    headers = [("content-type", "application/json"), ("x-api-key", "sk-shared")]

    async def ask(task: Task) -> Call:
        began = loop.time()
        body = _body(task, "claude-opus-4-5")
        timeouts = Timeouts(5.0, PATIENCE_S, PATIENCE_S, PATIENCE_S)
        status, attempts = 0, 0
        for number in range(1 + SDK_RETRIES):
            attempts += 1
            request = UpstreamRequest("POST", Origin("https", "anthropic", 1), "/v1/messages", headers, body, timeouts)
            try:
                response = await run.world.send(request)
                status = response.status
                while task.streamed and status == 200 and await response.chunk():
                    pass
            except TransportError:
                status = 0
            if status == 200 or number == SDK_RETRIES:
                break
            await asyncio.sleep(0.5 * 2**number * luck.uniform(0.75, 1.0))
        return Call(task, began, loop.time(), status, "claude-opus-4-5", 0, attempts)

    await _agents(tasks, ask, run)
    return run


PROVIDERS: dict[str, Any] = {
    "anthropic": {"type": "anthropic", "endpoint": "https://anthropic:1", "auth": {"header": {"x-api-key": "sk-a"}}},
    "openai": {"type": "openai", "endpoint": "https://openai:2", "auth": {"header": {"authorization": "Bearer sk-o"}}},
}


def config(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """What the gateway is configured with: a key per agent, one model name with two tiers and two vendors, a rate limit
    per agent, the guard as it comes, and rivals for who is late by its own record: that is opted into."""
    routing = {
        "models": ["assistant"],
        "timeouts": {"first_byte": 55_000, "total": 58_000},
        "hedge_after_ms": "auto",
        "balancer": {
            "algorithm": "tiers",
            "tiers": [
                {"name": "small", "targets": ["anthropic/claude-haiku-4-5", "openai/gpt-5-mini"], "up_to": 0.3},
                {"name": "capable", "targets": ["anthropic", "openai"]},
            ],
        },
    }
    targets = [
        {"provider": "anthropic", "model": "claude-opus-4-5", "weight": 1},
        {"provider": "openai", "model": "gpt-5", "weight": 1},
        {"provider": "anthropic", "model": "claude-haiku-4-5", "weight": 1},
        {"provider": "openai", "model": "gpt-5-mini", "weight": 1},
    ]
    plugins = {
        "key-auth": {},
        "limit-count": {
            "count": scenario.calls_a_minute,
            "time_window": 60,
            "key": "consumer_name",
            "rejected_code": 429,
        },
        "ai-guard": {"packs": ["injection"]},
        "ai-proxy-multi": routing,
    }
    return {
        "providers": PROVIDERS,
        "models": {"assistant": {"targets": targets}},
        "consumers": {
            agent: {"username": agent, "plugins": {"key-auth": {"key": digest(f"key-of-{agent}")}}}
            for agent in scenario.agents
        },
        "routes": {"all": {"uri": "/*", "plugins": plugins}},
    }


async def with_gateway(scenario: Scenario) -> Run:
    """The same agents with a key each, asking the gateway for ``assistant``."""
    tasks = scenario.tasks()
    run = Run("with", scenario, World(tasks, scenario.faults, scenario.seed))
    gateway, background = await _gateway(run, scenario)
    loop = asyncio.get_running_loop()
    clock = VirtualClock()

    async def once(task: Task) -> tuple[Exchange, int]:
        body = _body(task, "assistant")

        async def read_body() -> bytes:
            return body

        ex = Exchange(
            id=str(task.number),
            snapshot=gateway.snapshot,
            method="POST",
            path="/v1/chat/completions",
            query="",
            scheme="http",
            host="gateway",
            headers=CIMultiDictProxy(
                CIMultiDict({"apikey": f"key-of-{task.agent}", "content-type": "application/json"})
            ),
            client_ip="10.0.0.1",
            received_s=clock.monotonic(),
            received_at=clock.time(),
            read_body=read_body,
        )
        reply = await gateway.answer(ex)
        if reply.stream is not None:
            async for _ in reply.stream:
                pass
        gateway.finish(ex)
        return ex, reply.status

    async def ask(task: Task) -> Call:
        began = loop.time()
        cost = 0
        recorded: list[str] = []
        for number in range(1 + SDK_RETRIES):
            ex, status = await once(task)
            cost += ex.cost_nano
            recorded += [one.model for one in ex.attempts if one.usage is not None]
            if status < 429 or task.kind != "work" or number == SDK_RETRIES:
                break
            await asyncio.sleep(0.5 * 2**number)
        last = ex.attempts[-1] if ex.attempts else None
        call = Call(task, began, loop.time(), status, last.model if last else "", cost, len(ex.attempts))
        call.recorded = tuple(recorded)
        kinds = {one.failure.kind for one in ex.attempts if one.failure is not None}
        if status == 200 and kinds & (DEAD | SLOW):
            served = next(one for one in ex.attempts if one.status == 200 and one.failure is None)
            if served is not ex.attempts[0]:  # else the first was good, and overtook the rival that was asked beside it
                call.met = "down" if kinds & DEAD else "slow"
            call.failover_s = served.started_s - ex.attempts[0].started_s
            asked_s = began + served.started_s - ex.received_s
            call.overdue_s = max(0.0, asked_s - run.world.due_s.get(task.number, asked_s))
        return call

    await _agents(tasks, ask, run)
    await gateway.close()
    for work in background:
        work.cancel()
    return run


async def _gateway(run: Run, scenario: Scenario) -> tuple[Gateway, list[asyncio.Task[None]]]:
    background: list[asyncio.Task[None]] = []
    clock = VirtualClock()
    services = Services(
        clock=clock,
        luck=random.Random(scenario.seed + 2),
        counters=LocalCounters(clock),
        metrics=PlainMetrics(),
        secrets=NodeSecrets(""),
        transport=run.world,
        spawn=lambda work, name: background.append(asyncio.get_running_loop().create_task(work, name=name)),
    )
    gateway = Gateway(services)
    puts = tuple(
        RawObject(kind, name, json.dumps(value).encode(), 1, 1)
        for kind, objects in config(scenario).items()
        for name, value in objects.items()
    )
    snapshot = await gateway.load(Batch(1, True, puts))
    if snapshot.refused:
        raise RuntimeError(f"the gateway refuses its configuration: {snapshot.refused}")
    gc.freeze()
    return gateway, background
