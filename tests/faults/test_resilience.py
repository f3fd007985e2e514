"""Provider processes fail in front of a real node; agents are served as long as anybody can serve them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tollhouse.cli.drill.load import Call, work
from tollhouse.cli.drill.provider import Provider
from tollhouse.cli.drill.rig import FIRST_MODEL, SCRIPT, Rig


@pytest.fixture(scope="module")
def crowd() -> Iterator[list[Provider]]:
    """Two providers, for all tests here."""
    both = [Provider("anthropic", **SCRIPT), Provider("openai", **SCRIPT)]
    yield both
    for one in both:
        one.end()


@pytest.fixture
async def pair(crowd: list[Provider]) -> list[Provider]:
    """Both alive and well, with nothing remembered."""
    for one in crowd:
        if not one.alive:
            await one.start()
        await one.clear()
        await one.simulate()
    return crowd


@pytest.mark.parametrize("both", [False, True])
async def test_storms_of_429_are_not_amplified(tmp_path: Path, pair: list[Provider], both: bool) -> None:
    """One provider or both answer 429 without a word: providers get at most 1.2 requests per call."""
    first, second = pair
    async with Rig(tmp_path, first=first, second=second) as rig:
        for one in pair if both else [first]:
            await one.simulate(status=429)
        calls = await work(rig.url, 60, 4)
        sent = len(await first.entries()) + len(await second.entries())
        assert sent <= 1.2 * len(calls), f"{sent} requests for {len(calls)} calls"
        if both:
            assert {call.status for call in calls} == {429}
            assert all(call.told for call in calls)
        else:
            assert all(call.whole for call in calls)


async def test_a_storm_of_429_from_the_only_target_is_not_amplified(tmp_path: Path, pair: list[Provider]) -> None:
    """Nobody else could be asked, so it is asked again now and then: at most 1.2 requests per call all the same."""
    first = pair[0]
    only: dict[str, Any] = {"name": "only", "provider": "anthropic", "weight": 1, "options": {"model": FIRST_MODEL}}
    only["override"] = {"endpoint": f"{first.url}/v1/messages"}
    routing = {"models": None, "instances": [only], "fallback_strategy": "any"}
    async with Rig(tmp_path, routing, first=first, second=pair[1]) as rig:
        await first.simulate(status=429)
        calls = await work(rig.url, 50, 3)
        sent = len(await first.entries())
        assert len(calls) < sent <= 1.2 * len(calls), f"{sent} requests for {len(calls)} calls"
        assert {call.status for call in calls} == {429}
        assert all(call.told for call in calls)


async def test_who_comes_back_is_not_run_over(tmp_path: Path, pair: list[Provider]) -> None:
    """Killed under load, then up again: the first moments bring a few probes, then more and more; nothing is lost."""
    first, second = pair
    async with Rig(tmp_path, {"hedge_after_ms": None}, first=first, second=second) as rig:
        await first.kill()
        await first.clear()
        agents = asyncio.create_task(work(rig.url, 80, 8))
        await asyncio.sleep(1.0)
        await first.start()
        calls = await agents
        assert all(call.whole for call in calls)
        started = sorted(entry.started for entry in await first.entries())
        assert len(started) > 50, "it has its traffic back"
        at_once = sum(one - started[0] < 0.1 for one in started)
        assert at_once <= 6, f"{at_once} requests within 100 ms of the first"


async def test_all_down_is_a_clean_error_within_the_deadline(tmp_path: Path, pair: list[Provider]) -> None:
    """Nobody answers, then nobody is there: the client is told in its own format before the total time is over."""
    first, second = pair
    routing = {"timeouts": {"total": 1000}, "hedge_after_ms": None}
    async with Rig(tmp_path, routing, first=first, second=second) as rig:
        for one in pair:
            await one.simulate(hang=True)
        calls = await work(rig.url, 10, 1)
        assert {call.status for call in calls} <= {503, 504}
        assert all(call.told for call in calls)
        assert max(call.took_s for call in calls) < 1.8
        for one in pair:
            one.end()
        calls = await work(rig.url, 10, 0.5)
        assert {call.status for call in calls} == {503}
        assert all(call.told for call in calls)
        assert max(call.took_s for call in calls) < 1.0


async def test_operators_shut_and_reset_a_target(tmp_path: Path, pair: list[Provider]) -> None:
    """On every worker of the node, over its API, and over a restart of the node; metrics and health show it. Without
    them workers tell one another."""
    first, second = pair

    async def ctl(*arguments: str) -> str:
        command = [sys.executable, "-m", "tollhouse.cli.main", "--admin-key", "k", "targets", *arguments]
        command += ["--node", rig.grpc]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    checks = {"active": {"http_path": "/_health", "healthy": {"interval": 1, "successes": 1}}}
    async with Rig(tmp_path, first=first, second=second, checks=checks, grpc=True) as rig:
        assert _targets(await work(rig.url, 40, 0.5)) == {"anthropic"}
        await first.clear()
        await first.simulate(status=401)
        assert _targets(await work(rig.url, 10, 0.05)) == {"openai"}
        await asyncio.sleep(0.5)
        for _ in range(8):  # each over a connection of its own, so that both workers have some
            assert _targets(await work(rig.url, 10, 0.05)) == {"openai"}
        assert len(await first.entries()) == 1, "what one worker found out the other knows"
        await first.simulate()
        await ctl("reset", "anthropic")
        assert _targets(await work(rig.url, 40, 0.5)) == {"anthropic"}
        assert "is kept shut" in await ctl("open", "anthropic")
        assert _targets(await work(rig.url, 40, 0.5)) == {"openai"}
        listed = json.loads(await ctl("-o", "json"))
        assert {line["name"]: (line["breaker"], line["forced"], line["probe"]) for line in listed} == {
            "anthropic": ("open", "open", "healthy"),
            "openai": ("closed", "", ""),
        }
        assert "an operator keeps it shut" in await ctl()
        await rig.restart_node()
        assert _targets(await work(rig.url, 40, 0.5)) == {"openai"}, "the word of an operator outlives the node"
        await ctl("reset", "anthropic")
        assert _targets(await work(rig.url, 40, 0.5)) == {"anthropic"}


def _targets(calls: Sequence[Call]) -> set[str]:
    assert all(call.whole for call in calls)
    return {call.target for call in calls}


async def test_a_full_target_queues_then_moves_on_then_sheds(tmp_path: Path, pair: list[Provider]) -> None:
    """What does not fit goes to the other; without another it waits for a while, then it is refused with 503."""
    routing = {"queue": {"size": 2, "wait_ms": 300}, "fallbacks": None, "hedge_after_ms": None}
    first, second = pair
    async with Rig(tmp_path, routing, first=first, second=second) as rig:
        await first.simulate(first_token_ms=400, tokens=1)
        config = tmp_path / "config.json"
        config.write_text(config.read_text().replace('"priority": 1', '"priority": 1, "max_in_flight": 2'))
        await asyncio.sleep(2.5)  # files are looked at every second
        calls = await work(rig.url, 60, 1)
        assert all(call.whole for call in calls)
        assert {call.target for call in calls} == {"anthropic", "openai"}
        second.end()
        calls = await work(rig.url, 60, 1)
        statuses = {call.status for call in calls}
        assert 200 in statuses
        assert 503 in statuses
        assert all(call.told for call in calls if not call.whole)


def test_a_drill_reports_what_agents_saw() -> None:
    """The command as an operator runs it: phases, availability, and an exit code that can be required."""
    command = [
        sys.executable,
        "-m",
        "tollhouse.cli.main",
        "drill",
        "storm",
        "wrong-usage",
        "--fault-s",
        "1.5",
        "--calm-s",
        "0.5",
    ]
    done = subprocess.run([*command, "--require", "99", "-o", "json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert [phase["phase"] for phase in told["phases"]] == ["calm", "storm", "calm", "wrong-usage", "calm"]
    assert told["phases"][1]["failed_over"] > 0
    assert told["all"]["availability"] == 1.0
    assert told["all"]["amplification"] <= 1.2
    calm, _, _, wrong, _ = told["phases"]
    assert calm["booked_usd"] == pytest.approx(calm["billed_usd"], rel=0.25), (
        "a call or two begin in one and end in the next"
    )
    assert wrong["booked_usd"] > 2 * wrong["billed_usd"], "a provider is believed, and the drill shows what that costs"
