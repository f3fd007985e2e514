"""Counts in a real Redis: exact over nodes, and never a request that hangs on it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tollhouse.dataplane.engine.limits import Request
from tollhouse.dataplane.runtime.counts.authority import Authority
from tollhouse.dataplane.runtime.counts.pause import FAILURES_TO_OPEN, Pause
from tollhouse.dataplane.runtime.counts.redis_counts import open_counts
from tollhouse.dataplane.services import CounterPolicy, CounterUnavailable, Limit

from tests.support.linked import counting_worker
from tests.support.redis_server import RedisServer, redis_server

__all__ = ["redis_server"]


def policy(server: RedisServer, on_failure: Any = "reject", timeout_ms: int = 200) -> CounterPolicy:
    fields = (("redis_host", "127.0.0.1"), ("redis_port", server.port), ("redis_timeout", timeout_ms))
    return CounterPolicy("redis", fields, on_failure)


@pytest.mark.parametrize("kind", ["fixed", "sliding"])
@pytest.mark.parametrize("amount", [150, 3_000])
async def test_two_nodes_together_admit_exactly_the_limit(redis_server, kind, amount):
    nodes = [Authority(open_counts) for _ in range(2)]
    workers = [(await counting_worker(node))[0] for node in nodes]
    limit = Limit("k", amount, 600, kind, policy(redis_server, timeout_ms=5000))
    allowed = 0
    for _ in range(amount // 200 + 2):
        taken = await asyncio.gather(*(workers[n % 2].take(limit) for n in range(200)))
        allowed += sum(one.allowed for one in taken)
    for worker in workers:
        worker.return_all()
    await asyncio.sleep(0.1)
    while (await workers[0].take(limit)).allowed:
        allowed += 1
    assert allowed == amount
    for node in nodes:
        await node.close()


async def test_more_at_once_than_there_are_connections_wait_for_one(redis_server):
    fields = (*policy(redis_server, timeout_ms=5000).redis, ("redis_keepalive_pool", 2))
    store = open_counts(CounterPolicy("redis", fields))
    limit = Limit("many", 50, 60)
    taken = await asyncio.gather(*(store.take(limit, Request(1), look=False) for _ in range(200)))
    assert sum(one.allowed for one in taken) == 50
    await store.close()


@pytest.mark.parametrize("kind", ["fixed", "sliding"])
async def test_redis_decides_as_memory_does(redis_server, kind):
    store = open_counts(policy(redis_server))
    limit = Limit("same", 10, 60, kind)
    first = await store.take(limit, Request(4), look=False)
    assert (first.allowed, first.remaining) == (True, 6)
    assert (await store.take(limit, Request(7), look=False)).allowed is False
    over = await store.take(limit, Request(50, partial=True), look=False)
    assert (over.allowed, over.remaining) == (True, 0)
    assert not (await store.take(limit, Request(0), look=True)).allowed
    await store.settle(limit, -50, over.identity)
    assert (await store.take(limit, Request(0), look=True)).remaining == 6
    await store.settle(limit, 30, 0)
    assert (await store.take(limit, Request(0), look=True)).remaining == 0
    await store.close()


async def test_a_fixed_window_in_redis_ends_and_what_belonged_to_it_is_not_given_to_the_next(redis_server):
    store = open_counts(policy(redis_server))
    limit = Limit("short", 5, 1)
    old = await store.take(limit, Request(5), look=False)
    assert 0.5 < old.reset_s <= 1.0
    await asyncio.sleep(1.05)
    assert (await store.take(limit, Request(5), look=False)).allowed
    await store.settle(limit, -5, old.identity)
    assert not (await store.take(limit, Request(1), look=False)).allowed
    await store.close()


async def test_a_sliding_window_in_redis_lets_room_return(redis_server):
    store = open_counts(policy(redis_server))
    limit = Limit("slide", 3, 1, "sliding")
    for _ in range(3):
        assert (await store.take(limit, Request(1), look=False)).allowed
    refused = await store.take(limit, Request(1), look=False)
    assert not refused.allowed
    await asyncio.sleep(refused.reset_s + 0.02)
    assert (await store.take(limit, Request(1), look=False)).allowed
    await store.close()


@pytest.mark.parametrize(
    ("on_failure", "expected"), [("allow", [True, True, True]), ("local", [True, True, False]), ("reject", None)]
)
async def test_with_redis_killed_the_policy_decides(redis_server, on_failure, expected):
    authority = Authority(open_counts)
    counters, _ = await counting_worker(authority)
    limit = Limit("k", 2, 60, policy=policy(redis_server, on_failure))
    await counters.take(limit, 0)
    redis_server.kill()
    if expected is None:
        with pytest.raises(CounterUnavailable, match="redis"):
            await counters.take(limit)
    else:
        assert [(await counters.take(limit)).allowed for _ in range(3)] == expected
    assert authority.unreachable == ["redis"]
    assert authority.failures >= 1
    await authority.close()


async def test_a_frozen_redis_costs_a_few_requests_their_timeout_and_the_rest_nothing(redis_server):
    authority = Authority(open_counts)
    counters, _ = await counting_worker(authority)
    limit = Limit("k", 100, 60, policy=policy(redis_server, "allow", timeout_ms=100))
    await counters.take(limit)
    redis_server.freeze()
    for _ in range(FAILURES_TO_OPEN):
        await counters.take(limit)
    failures = authority.failures
    for _ in range(50):
        assert (await counters.take(limit)).allowed
    # All fifty were decided without waiting: in the time of a single timeout, no more than one probe fits.
    assert authority.failures == failures + 50
    redis_server.thaw()
    deadline = time.monotonic() + 5
    while authority.unreachable and time.monotonic() < deadline:
        await counters.take(limit)
        await asyncio.sleep(0.05)
    assert authority.unreachable == []
    await authority.close()


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_try_after_a_pause():
    pause = Pause()
    for _ in range(FAILURES_TO_OPEN):
        assert pause.closed(10.0)
        pause.failed(10.0)
    assert not pause.closed(10.1)
    assert pause.closed(10.6)
    assert not pause.closed(10.6)
    pause.succeeded()
    assert pause.closed(10.6)


async def test_what_is_counted_here_while_redis_is_away_is_corrected_here(redis_server):
    authority = Authority(open_counts)
    counters, _ = await counting_worker(authority)
    redis_server.kill()
    limit = Limit("k", 100, 60, policy=policy(redis_server, "local"))
    taken = await counters.take(limit, 90)
    counters.settle(limit, -80, taken)
    await asyncio.sleep(0.3)
    assert (await counters.look(limit)).remaining == 90
    await authority.close()
