"""Budgets that hold and a ledger that is whole: real processes, real sockets, the providers' own count as the judge."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import pytest
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.proto.catalog import lookup
from tollhouse.proto.units import usd_to_nano

from tests.support.redis_server import RedisServer
from tests.support.system import System, call, wait_for

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
    return {"model": "gpt-4o", "max_tokens": 200, "messages": [{"role": "user", "content": text}], **fields}


def key(number: int = 0, session: str = "") -> dict[str, str]:
    headers = {"authorization": f"Bearer key-{number}"}
    return headers | ({"x-tollhouse-session": session} if session else {})


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


def records(system: System) -> list[sqlite3.Row]:
    """Everything the ledger holds."""
    with sqlite3.connect(f"file:{system.folder / 'ledger.sqlite'}?mode=ro", uri=True, timeout=10) as database:
        database.row_factory = sqlite3.Row
        return database.execute("SELECT * FROM usage_records").fetchall()


def budget_lines(system: System) -> dict[str, dict[str, Any]]:
    """What ``gatewayctl budgets`` prints, by key."""
    return {line["key"]: line for line in json.loads(system.ctl("budgets", "-o", "json").stdout)}


def nothing_is_held(system: System) -> None:
    """Waits until no reservation is open."""

    def free() -> bool:
        return all(not nano(one["reserved"]) for one in budget_lines(system).values())

    wait_for(free, 15, "nothing is held", lambda: str(budget_lines(system)))


def nano(text: str) -> int:
    return int(usd_to_nano(text))


class Crowd:
    """Many agents at once, of whom some leave in the middle."""

    def __init__(self, system: System, seed: int = 7) -> None:
        self.urls = [node.url for node in system.nodes]
        self.luck = random.Random(seed)
        self.statuses: Counter[int] = Counter()
        self.count = 0

    async def one(self, http: aiohttp.ClientSession) -> None:
        """A request to any node, streamed or not; one in five is given up on the way."""
        self.count += 1
        number = self.count
        stream = self.luck.random() < 0.6
        body = ask(f"request number {number}", stream=stream)
        leave_s = self.luck.uniform(0.005, 0.12) if self.luck.random() < 0.2 else 20.0
        url = f"{self.luck.choice(self.urls)}/v1/chat/completions"
        try:
            async with asyncio.timeout(leave_s):
                async with http.post(url, json=body, headers=key(number % AGENTS, f"s-{number}")) as reply:
                    await reply.read()
                    self.statuses[reply.status] += 1
        except (TimeoutError, aiohttp.ClientError):
            self.statuses[0] += 1

    async def run(self, at_once: int, rounds: int) -> None:
        """So many at a time, each so many times."""

        async def again(http: aiohttp.ClientSession) -> None:
            for _ in range(rounds):
                await self.one(http)

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            await asyncio.gather(*(again(http) for _ in range(at_once)))


@pytest.fixture(params=["node", "redis"])
def fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[System]:
    """A node that counts for itself, or two that count together."""
    redis = RedisServer()
    if request.param == "redis":
        redis.start()
        monkeypatch.setenv("TOLLHOUSE_BUDGET_STORE", f"redis://127.0.0.1:{redis.port}/0")
    system = System(tmp_path_factory.mktemp("money"))
    for simulator in (system.simulators.openai, system.simulators.anthropic):
        simulator.log = type(simulator.log)(100_000)
    try:
        yield system.start(2 if request.param == "redis" else 1)
    finally:
        system.close()
        redis.kill()


async def test_what_providers_bill_never_passes_limit_and_printed_bound(
    fleet: System, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hundred at a time, streams and plain calls, clients that leave, targets that fail: the providers' own tokens
    times the price stay within the budget; the ledger says the same as the counters, to the nano-dollar."""
    limit = "0.08"
    strict = {"unit": "usd", "amount": "0.01", "window": "total", "scope": {"consumer": "agent1"}, "strict": True}
    configure(fleet, ("all", {"unit": "usd", "amount": limit, "window": "day"}), ("one", strict))
    fleet.simulators.openai.simulate(tokens=60, token_ms=1.5, first_token_ms=10)
    fleet.simulators.anthropic.simulate(tokens=60, token_ms=1.5)
    crowd = Crowd(fleet)

    async def trouble() -> None:
        for _ in range(40):
            await asyncio.sleep(0.08)
            fleet.simulators.openai.simulate(status=random.choice([429, 500]), times=4)
            await asyncio.sleep(0.04)
            fleet.simulators.openai.simulate(tokens=60, token_ms=1.5, first_token_ms=10)

    troubled = asyncio.create_task(trouble())
    await crowd.run(at_once=100, rounds=8)
    troubled.cancel()
    nothing_is_held(fleet)
    lines = budget_lines(fleet)
    every, one = lines["all"], lines["one"]
    billed = billed_nano(fleet)
    spent = nano(every["spent"])
    assert billed <= nano(limit) + nano(every["max_overshoot"]), (billed, every)
    assert spent <= nano(limit)
    assert spent > nano(limit) // 3, "the budget was never near its limit"
    assert crowd.statuses[429] > 50, crowd.statuses
    assert nano(one["max_overshoot"]) == 0
    assert nano(one["spent"]) <= nano("0.01")
    wait_for(lambda: sum(row["cost_nano"] for row in records(fleet)) == spent, 10, "the ledger agrees")
    with capsys.disabled():
        print(
            f"\n{crowd.count} requests {dict(crowd.statuses)}: billed {billed / 1e9:.6f} USD of {limit}, counted "
            f"{every['spent']}, printed bound {every['max_overshoot']}"
        )


def test_the_answers_of_cli_and_rest_agree(system: System) -> None:
    """Spend by consumer, by group with all below it, by session and hour; JSON, CSV; refusals name what there is."""
    configure(system)
    for number in range(4):
        assert system.chat(ask(), **key(number % 2, f"session-{number % 2}")).status == 200
    wait_for(lambda: len(records(system)) >= 4, 10, "four records")
    by_agent = json.loads(system.ctl("spend", "--by", "consumer", "-o", "json").stdout)
    assert {row["consumer"]: row["requests"] for row in by_agent["list"]} == {"agent0": 2, "agent1": 2}
    status, rest = system.admin_call("GET", "spend?group_by=consumer")
    assert (status, rest["total"]["cost_usd"]) == (200, by_agent["total"]["cost_usd"])
    company = json.loads(system.ctl("spend", "--by", "group", "--group", "company", "-o", "json").stdout)
    assert [row["group"] for row in company["list"]] == ["search"]
    assert company["total"] == by_agent["total"]
    sessions = json.loads(system.ctl("spend", "--by", "session,model", "-o", "json").stdout)
    assert {row["session"] for row in sessions["list"]} == {"session-0", "session-1"}
    assert sessions["total"]["cost_usd"] == by_agent["total"]["cost_usd"]
    table = system.ctl("spend", "--by", "hour", "-o", "csv").stdout.splitlines()
    assert table[0].startswith("hour,cost_usd,")
    assert len(table) >= 2
    refused = system.ctl("spend", "--by", "colour", check=False)
    assert refused.returncode == 1
    assert "there are consumer, group, model" in " ".join(refused.stderr.split())
    assert system.admin_call("GET", "spend?colour=red")[0] == 400


def test_refusals_come_in_the_clients_own_words(system: System) -> None:
    """OpenAI: 429 insufficient_quota; Anthropic: 402 billing_error; both tell SDKs not to try again."""
    configure(system, ("tiny", {"unit": "usd", "amount": "0.0001", "window": "day", "scope": {"consumer": "agent2"}}))
    try:
        got = system.chat(ask(), **key(2))
        assert (got.status, got.json["error"]["type"], got.headers["x-should-retry"]) == (
            429,
            "insufficient_quota",
            "false",
        )
        assert "'tiny'" in got.json["error"]["message"]
        body = {"model": "claude-haiku-4-5", "max_tokens": 200, "messages": [{"role": "user", "content": "hi"}]}
        headers = key(2) | {"content-type": "application/json"}
        told = call(f"{system.node.url}/v1/messages", body, headers)
        assert (told.status, told.json["error"]["type"]) == (402, "billing_error")
        assert told.headers["x-should-retry"] == "false"
        assert system.chat(ask(), **key(3)).status == 200
        assert not system.simulators.anthropic.log.entries
    finally:
        system.admin_call("DELETE", "budgets/tiny")
        system.wait_live()


def test_the_kill_switch_is_in_effect_within_a_second(system: System) -> None:
    """From the command's write until both workers refuse; resume lets the agent in again."""
    configure(system)
    assert system.chat(ask(), **key(0)).status == 200
    status, _ = system.admin_call("PUT", "stops/consumer.agent0", {"consumer": "agent0", "desc": "it loops"})
    begun = time.monotonic()
    assert status == 201
    good = 0
    while good < 6:  # each request has a connection of its own, so both workers are asked
        good = good + 1 if system.chat(ask(), **key(0)).status == 403 else 0
        assert time.monotonic() - begun < 5
    assert time.monotonic() - begun < 1.0
    refused = system.chat(ask(), **key(0))
    assert "stopped: it loops." in refused.json["error"]["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert system.chat(ask(), **key(1)).status == 200
    assert "in effect on 1 node" in system.ctl("resume", "agent0").stdout
    assert system.chat(ask(), **key(0)).status == 200
    system.ctl("stop", "--group", "company", "--reason", "audit")
    assert system.chat(ask(), **key(1)).status == 403
    system.ctl("resume", "--group", "company")
    assert system.ctl("stop", check=False).returncode == 2


def test_a_threshold_is_told_to_a_listener(system: System) -> None:
    """A real listener hears of it once, from a real node; a test event says whether it would."""
    heard: list[Any] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = {"type": "webhook", "url": f"http://127.0.0.1:{server.server_address[1]}/", "at_least": 50}
    budget = {"unit": "requests", "amount": 2, "window": "total", "scope": {"consumer": "agent3"}, "thresholds": [50]}
    try:
        configure(system, ("few", budget))
        system.put("notifiers/hook", hook)
        assert system.admin_call("GET", "notifiers/hook")[1]["value"]["url"] == "********"
        node = ("--node", f"127.0.0.1:{system.node.grpc}")
        assert "took the test event" in system.ctl("notify", "hook", *node).stdout
        assert [system.chat(ask(), **key(3)).status for _ in range(3)] == [200, 200, 429]
        wait_for(lambda: len(heard) >= 2, 5, "the threshold is told")
        assert [(one["event"], one["percent"]) for one in heard] == [("test", 100), ("budget_threshold", 50)]
    finally:
        system.admin_call("DELETE", "notifiers/hook")
        system.admin_call("DELETE", "budgets/few")
        server.shutdown()


async def test_nothing_is_lost_or_counted_twice_when_everything_is_killed(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """kill -9 of workers, the supervisor and the control plane under load: every call in the providers' logs has
    exactly one entry in the ledger, the sums of the hours are those of the entries, and nothing stays reserved."""
    system = System(tmp_path_factory.mktemp("durable"))
    for simulator in (system.simulators.openai, system.simulators.anthropic):
        simulator.log = type(simulator.log)(100_000)
    try:
        system.start(1)
        configure(system, ("all", {"unit": "usd", "amount": 50, "window": "total"}))
        system.simulators.openai.simulate(tokens=40, token_ms=3)
        crowd = Crowd(system, seed=11)
        running = asyncio.create_task(crowd.run(at_once=30, rounds=40))
        kills = await _kill_in_turn(system, running)
        await asyncio.wait_for(running, 60)
        calls = Counter(_session(entry.body) for entry in _sent(system))

        def whole() -> bool:
            entries = Counter(row["session"] for row in records(system))
            return all(entries[session] >= count for session, count in calls.items())

        wait_for(whole, 20, "an entry for every call", system.node.said)
        found = records(system)
        lost = [row for row in found if row["outcome"] == "lost"]
        # An entry without an answer may stand for a call that was given up, or whose worker died, before it was sent.
        answered = Counter(row["session"] for row in found if row["status"])
        assert all(count <= calls[session] for session, count in answered.items())
        with sqlite3.connect(system.folder / "ledger.sqlite", timeout=10) as database:
            (hours,) = database.execute("SELECT sum(cost_nano) FROM usage_hours").fetchone()
        total = sum(row["cost_nano"] for row in found)
        assert hours == total
        nothing_is_held(system)
        assert nano(budget_lines(system)["all"]["spent"]) == total
        with capsys.disabled():
            print(
                f"\n{kills} kills: {sum(calls.values())} calls, {len(found)} entries of which {len(lost)} lost, "
                f"{total / 1e9:.6f} USD in ledger, hours and budget alike; {dict(crowd.statuses)}"
            )
    finally:
        system.close()


async def _kill_in_turn(system: System, running: "asyncio.Task[None]") -> int:
    kills = 0
    while not running.done() and kills < 12:
        await asyncio.sleep(0.9)
        victim = ("worker", "control plane", "worker", "supervisor")[kills % 4]
        if victim == "worker":
            workers = await asyncio.to_thread(system.node.workers)
            if workers:
                os.kill(random.choice(workers), signal.SIGKILL)
        else:
            process = system.control_plane if victim == "control plane" else system.node
            process.kill()
            await asyncio.sleep(0.3)
            process.start()
        kills += 1
    await asyncio.to_thread(system.node.wait_ready)
    await asyncio.to_thread(system.wait_control_plane)
    return kills


def _sent(system: System) -> list[Any]:
    return [*system.simulators.openai.log.entries, *system.simulators.anthropic.log.entries]


def _session(body: Any) -> str:
    text = json.dumps(body["messages"])
    return "s-" + text.partition("request number ")[2].partition('"')[0]
