"""A provider dies or stalls under a crowd of agents: whoever can still be served is served.

`make test` runs it small; `make prove-resilience` (TOLLHOUSE_PROOF=full) as large as it is meant.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from tollhouse.cli.drill.load import Call, _call, work
from tollhouse.cli.drill.provider import Provider
from tollhouse.cli.drill.rig import Rig

FULL = os.environ.get("TOLLHOUSE_PROOF") == "full"


@dataclass(frozen=True)
class Size:
    """Of a proof: streams that run, streams that have just been asked for, further calls a second."""

    early: int
    late: int
    rate: float


CROWD = Size(120, 80, 300) if FULL else Size(60, 40, 40)

FIRST_BYTE_S = 30.0
"""What a route waits for where it says nothing."""

pytestmark = pytest.mark.timeout(300 if FULL else 120)


@pytest.fixture
async def first() -> AsyncIterator[Provider]:
    """Whose answers take 40 ms per token."""
    provider = await Provider("anthropic", tokens=40, token_ms=40).start()
    yield provider
    provider.end()


@pytest.fixture
async def second() -> AsyncIterator[Provider]:
    """The other one."""
    provider = await Provider("openai", tokens=20, token_ms=40).start()
    yield provider
    provider.end()


async def streams(url: str, count: int) -> list[Call]:
    """So many streams at once."""
    calls: list[Call] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(_call(session, url, 2 * number + 1, time.monotonic(), calls) for number in range(count)))
    return calls


async def served_by(rig: Rig, target: str) -> None:
    """Wait until both the node and its providers are there."""
    for _ in range(100):
        [call] = await work(rig.url, 10, 0.05)
        if call.target == target:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"{target} does not answer: {call}")


def lost(calls: Sequence[Call]) -> list[str]:
    """What was said to those that could still have been served, and to those that broke off without a word."""
    gone = [call for call in calls if not call.whole and not (call.begun and call.told)]
    return [f"{call.status} after {call.attempts} attempts, {call.took_s:.2f} s: {call.error[-300:]}" for call in gone]


def tell(what: str, calls: Sequence[Call]) -> None:
    """The figures of a proof."""
    moved = sorted(call.failover_s for call in calls if call.whole and call.failover_s > 0)
    p99 = moved[int(len(moved) * 0.99)] if moved else 0.0
    cut = sum(not call.whole and call.begun and call.told for call in calls)
    print(
        f"{what}: {len(calls)} calls, {len(lost(calls))} lost, {cut} broke off after content, {len(moved)} failed over,"
        f" p99 {p99:.3f} s, longest call {max(call.took_s for call in calls):.2f} s"
    )


async def test_a_provider_killed_under_load_loses_nothing_that_could_be_served(
    tmp_path: Path, first: Provider, second: Provider
) -> None:
    """kill -9 under running streams and steady calls: whole answers and streams that had not begun are served by the
    other one; a stream that had begun ends with an error its client can read."""
    async with Rig(tmp_path, first=first, second=second) as rig:
        calls = await under_a_crowd(rig, first, signal.SIGKILL)
    tell("killed", calls)
    assert lost(calls) == []
    assert sum(not call.whole for call in calls) > CROWD.early / 3, "it died under streams that had begun"
    assert any(call.whole and call.failover_s > 0 for call in calls), "others had not, and were served"


async def test_a_provider_that_stalls_under_load_is_left_by_its_own_record(
    tmp_path: Path, first: Provider, second: Provider
) -> None:
    """Its connections stay, nothing comes any more (SIGSTOP), and no time to wait is configured: those it was asked for
    are served by the other one as soon as they are late by its record; a stream that had begun is ended in time."""
    async with Rig(tmp_path, {"timeouts": {"idle": 2000}}, first=first, second=second) as rig:
        calls = await under_a_crowd(rig, first, signal.SIGSTOP)
    tell("stalled", calls)
    assert lost(calls) == []
    assert sum(call.failover_s > 0 for call in calls) > 5, "some had been sent to it"
    assert max(call.took_s for call in calls if call.whole) < FIRST_BYTE_S / 2


async def test_a_provider_that_stalls_is_left_by_its_probes_where_nobody_opted_in_to_rivals(
    tmp_path: Path, first: Provider, second: Provider
) -> None:
    """Its health check falls silent with it: new calls go elsewhere, and those under way that got nothing yet do, too,
    long before their time is over."""
    routing = {"timeouts": {"idle": 2000, "first_byte": FIRST_BYTE_S * 1000}, "hedge_after_ms": None}
    often = {"http_path": "/_health", "healthy": {"interval": 1, "successes": 1}}
    checks = {"active": {**often, "unhealthy": {"interval": 1, "timeouts": 1}}}
    async with Rig(tmp_path, routing, first=first, second=second, checks=checks) as rig:
        calls = await under_a_crowd(rig, first, signal.SIGSTOP)
    tell("stalled, with probes", calls)
    assert lost(calls) == []
    assert sum(call.failover_s > 0 for call in calls) > 5, "some had been sent to it"
    assert max(call.took_s for call in calls if call.whole) < FIRST_BYTE_S / 2


async def under_a_crowd(rig: Rig, provider: Provider, what: signal.Signals) -> list[Call]:
    """All calls of a crowd in whose midst the provider gets a signal; it has been at work for a while."""
    await served_by(rig, "anthropic")
    await asyncio.gather(work(rig.url, CROWD.rate, 1), streams(rig.url, 40))
    steady = asyncio.create_task(work(rig.url, CROWD.rate, 3))
    early = asyncio.create_task(streams(rig.url, CROWD.early))
    await asyncio.sleep(0.9)
    late = asyncio.create_task(streams(rig.url, CROWD.late))
    await asyncio.sleep(0.02)
    provider.send(what)
    return [*await early, *await late, *await steady]
