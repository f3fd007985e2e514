"""What proofs about money share: a route with a fallback, agents, a crowd of them, and the providers' own count."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

import aiohttp
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.proto.catalog import lookup
from tollhouse.proto.units import usd_to_nano

from tests.support.system import System, wait_for

ROUTE = {
    "uris": ["/v1/chat/completions", "/v1/messages"],
    "plugins": {
        "key-auth": {"header": "authorization"},
        "ai-proxy-multi": {
            "fallback_strategy": "any",
            "instances": [
                {"name": "first", "provider": "openai", "weight": 1, "priority": 1},
                {
                    "name": "second",
                    "provider": "anthropic",
                    "weight": 1,
                    "options": {"model": "claude-haiku-4-5"},
                },
            ],
        },
    },
}
AGENTS = 4


def configure(system: System, *budgets: tuple[str, dict[str, Any]]) -> None:
    """The route, a tree of groups, agents with keys, and budgets."""
    system.admin_call("PUT", "consumer_groups/company", {"plugins": {}})
    system.admin_call("PUT", "consumer_groups/search", {"plugins": {}, "parent_id": "company"})
    for number in range(AGENTS):
        agent = {"username": f"agent{number}", "group_id": "search", "plugins": {"key-auth": {"key": f"key-{number}"}}}
        assert system.admin_call("PUT", "consumers", agent)[0] in (200, 201)
    for name, budget in budgets:
        assert system.admin_call("PUT", f"budgets/{name}", budget)[0] in (200, 201)
    system.put("routes/money", ROUTE)


def ask(text: str = "hello", **fields: Any) -> dict[str, Any]:
    """A request's body."""
    return {"model": "gpt-4o", "max_tokens": 200, "messages": [{"role": "user", "content": text}], **fields}


def key(number: int = 0, session: str = "") -> dict[str, str]:
    """The headers of an agent."""
    headers = {"authorization": f"Bearer key-{number}"}
    return headers | ({"x-tollhouse-session": session} if session else {})


def remember_all(system: System) -> None:
    """Simulators that forget no call."""
    for simulator in (system.simulators.openai, system.simulators.anthropic):
        simulator.log = type(simulator.log)(1_000_000)


def billed_nano(system: System) -> int:
    """What the simulated providers would charge, by their own count."""
    total = 0
    for simulator, vendor in ((system.simulators.openai, "openai"), (system.simulators.anthropic, "anthropic")):
        for entry in simulator.log.entries:
            if not entry.billed:
                continue
            price = lookup(vendor, entry.body["model"]).price
            assert price is not None
            total += cost(_usage(entry.billed), price)
    return total


def _usage(billed: dict[str, int]) -> Usage:
    cached, written = billed.get("cached_input", 0), billed.get("cache_write", 0)
    return Usage(billed.get("input", 0) + cached + written, cached, written, 0, billed.get("output", 0))


def calls(system: System) -> Counter[tuple[str, str]]:
    """(session, provider) -> how often the provider was called, by its own log."""
    found: Counter[tuple[str, str]] = Counter()
    for simulator, vendor in ((system.simulators.openai, "openai"), (system.simulators.anthropic, "anthropic")):
        for entry in simulator.log.entries:
            number = json.dumps(entry.body["messages"]).partition("request number ")[2].partition('"')[0]
            found[f"s-{number}", vendor] += 1
    return found


def budget_lines(system: System) -> dict[str, dict[str, Any]]:
    """What ``gatewayctl budgets`` prints, by key."""
    return {line["key"]: line for line in json.loads(system.ctl("budgets", "-o", "json").stdout)}


def nothing_is_held(system: System, seconds: float = 15) -> None:
    """Waits until all nodes answer and no reservation is open. A node that found its port still taken by the workers of
    its killed supervisor is started again, as whoever runs services would."""

    def free() -> bool:
        for node in system.nodes:
            if not node.alive:
                node.start()
        done = system.ctl("budgets", "-o", "json", check=False)
        lines = [] if done.returncode else json.loads(done.stdout)
        free = all(not nano(one["reserved"]) and one["nodes"] == len(system.nodes) for one in lines)
        return free and bool(lines)

    wait_for(free, seconds, "nothing is held", lambda: str(budget_lines(system)))


def nano(text: str) -> int:
    """Nano-USD of an amount as it is printed."""
    return int(usd_to_nano(text))


class Crowd:
    """Many agents at once, of whom some leave in the middle."""

    def __init__(self, system: System, seed: int = 7) -> None:
        self.urls = [node.url for node in system.nodes]
        self.luck = random.Random(seed)
        self.statuses: Counter[int] = Counter()
        self.count = 0

    async def one(self, http: aiohttp.ClientSession) -> bool:
        """A request to any node, streamed or not; one in five is given up on the way. False: nobody was there."""
        self.count += 1
        number = self.count
        stream = self.luck.random() < 0.6
        body = ask(f"request number {number}", stream=stream)
        leave_s = self.luck.uniform(0.005, 0.12) if self.luck.random() < 0.2 else 20.0
        url = f"{self.luck.choice(self.urls)}/v1/chat/completions"
        status, there = 0, True
        try:
            async with asyncio.timeout(leave_s):
                async with http.post(url, json=body, headers=key(number % AGENTS, f"s-{number}")) as reply:
                    await reply.read()
                    status = reply.status
        except aiohttp.ClientConnectionError:
            there = False
        except (TimeoutError, aiohttp.ClientError):
            pass
        self.statuses[status] += 1
        if status == 503 or not there:  # a node or the counts are away: agents come again a little later
            await asyncio.sleep(0.2)
            return False
        return True

    async def run(self, at_once: int, rounds: int, until: asyncio.Event | None = None) -> None:
        """So many at a time, each so many times, or until something has happened. What was refused because a node or
        the counts were away is done again, up to four times as often."""

        async def again(http: aiohttp.ClientSession) -> None:
            done = 0
            for _ in range(4 * rounds):
                if done == rounds or (until is not None and until.is_set()):
                    return
                done += await self.one(http)

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            await asyncio.gather(*(again(http) for _ in range(at_once)))
