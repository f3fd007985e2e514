"""Counts over several workers: exact at every limit, and few questions for large ones."""

from __future__ import annotations

import asyncio
import time

import pytest
from tollhouse.dataplane.runtime.counts.authority import Authority
from tollhouse.dataplane.runtime.counts.counters import LinkedCounters
from tollhouse.dataplane.runtime.counts.redis_counts import open_counts
from tollhouse.dataplane.runtime.link.messages import Message, Settle, Take, Taking
from tollhouse.dataplane.services import CounterPolicy, CounterUnavailable, Limit

from tests.support.linked import counting_worker, linked


@pytest.mark.parametrize("kind", ["fixed", "sliding"])
@pytest.mark.parametrize("amount", [1, 50, 150, 5_000])
async def test_two_workers_with_200_takes_at_once_admit_exactly_the_limit(amount, kind):
    authority = Authority(open_counts)
    workers = [(await counting_worker(authority))[0] for _ in range(2)]
    limit = Limit("k", amount, 600, kind)
    allowed = 0
    for _ in range(amount // 200 + 2):
        taken = await asyncio.gather(*(workers[n % 2].take(limit) for n in range(200)))
        allowed += sum(one.allowed for one in taken)
    # What one worker still holds, the other cannot have: give it back, then all of it must be there.
    for worker in workers:
        worker.return_all()
    await asyncio.sleep(0.02)
    while (await workers[0].take(limit)).allowed:
        allowed += 1
    assert allowed == amount


async def test_most_takes_of_a_large_limit_ask_nobody():
    asked = 0

    def counted(message: Message) -> Message:
        nonlocal asked
        asked += 1
        assert isinstance(message, Take)
        answer = authority.take(message)
        assert isinstance(answer, Taking)
        return answer

    authority = Authority(open_counts)
    here, _ = await linked(lambda message: None, counted)
    counters = LinkedCounters(lambda: here)
    limit = Limit("k", 100_000, 60)
    for _ in range(5_000):
        taken = await counters.take(limit, 2)
        assert taken.allowed
        counters.settle(limit, -1, taken)
    assert asked < 20
    here.abort()


async def test_what_a_worker_does_not_use_goes_back_so_that_another_can_have_it():
    authority = Authority(open_counts)
    first, link = await counting_worker(authority)
    limit = Limit("k", 10_000, 60)
    await first.take(limit)
    held = authority.memory.look(limit, time.monotonic()).remaining
    assert held < 9_999
    first.return_idle(time.monotonic() + 2)
    await asyncio.sleep(0.02)
    assert authority.memory.look(limit, time.monotonic()).remaining == 9_999
    link.abort()


async def test_a_changed_limit_holds_at_once_and_keeps_what_was_used():
    counters, link = await counting_worker(Authority(open_counts))
    for _ in range(5):
        await counters.take(Limit("k", 10_000, 60))
    refused = await counters.take(Limit("k", 5, 60))
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert (await counters.take(Limit("k", 6, 60))).allowed
    link.abort()


async def test_settling_corrects_and_looking_takes_nothing():
    counters, link = await counting_worker(Authority(open_counts))
    limit = Limit("k", 100, 60)
    taken = await counters.take(limit, 60)
    counters.settle(limit, -50, taken)
    assert (await counters.look(limit)).remaining == 90
    counters.settle(limit, 200)
    assert not (await counters.look(limit)).allowed
    link.abort()


@pytest.mark.parametrize(("on_failure", "expected"), [("allow", [True, True, True]), ("local", [True, True, False])])
async def test_without_an_authority_the_policy_decides(on_failure, expected):
    counters, link = await counting_worker(Authority(open_counts))
    link.abort()
    await asyncio.sleep(0.01)
    limit = Limit("k", 2, 60, policy=CounterPolicy("local", (), on_failure))
    assert [(await counters.take(limit)).allowed for _ in range(3)] == expected


async def test_without_an_authority_reject_raises():
    counters, link = await counting_worker(Authority(open_counts))
    link.abort()
    await asyncio.sleep(0.01)
    with pytest.raises(CounterUnavailable):
        await counters.take(Limit("k", 2, 60))


async def test_memory_forgets_windows_that_hold_nothing():
    authority = Authority(open_counts)
    now = time.monotonic()
    for number in range(100):
        authority.take(Take(Limit(f"k{number}", 5, 60), 1))
    assert len(authority.memory) == 100
    authority.memory.sweep(now + 30)
    assert len(authority.memory) == 100
    authority.memory.sweep(now + 61)
    assert len(authority.memory) == 0
    authority.settle(Settle(Limit("gone", 5, 60), -3))
