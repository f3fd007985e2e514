"""Limits and budgets alike in a Redis cluster, and behind sentinels that name another master when one dies."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tollhouse.dataplane.counting import check_counting, counter_policy
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.plugins.limit_count import LimitCountConfig
from tollhouse.dataplane.redis_place import place_of_address
from tollhouse.dataplane.runtime.counts.authority import Authority
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.redis_budgets import RedisBudgets
from tollhouse.dataplane.runtime.counts.redis_counts import open_counts
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll
from tollhouse.dataplane.services import CounterUnavailable, Limit
from tollhouse.dataplane.spending import Claim, Outcome

from tests.support.linked import counting_worker
from tests.support.redis_fleet import guarded_redis, redis_cluster, until
from tests.support.services import PlainSecrets


def claim(units: int, key: str = "k") -> Claim:
    return Claim(key, units, 1000, 100, 100, 4_000_000_000)


async def limits_are_exact(**fields: Any) -> None:
    """A plugin's limit of five admits five, whatever its key: keys spread over a cluster."""
    config = LimitCountConfig(count=5, time_window=60, redis_timeout=5000, **fields)
    assert check_counting(config) == []
    policy = counter_policy(config, PlainSecrets())
    authority = Authority(open_counts)
    counters, _ = await counting_worker(authority)
    for number in range(6):
        limit = Limit(f"k{number}", 5, 60, "fixed" if number % 2 else "sliding", policy)
        taken = await asyncio.gather(*(counters.take(limit) for _ in range(9)))
        assert sum(one.allowed for one in taken) == 5
    await authority.close()


async def spent(store: RedisBudgets) -> dict[str, tuple[int, int]]:
    return {key: (bucket.spent, bucket.held) for key, _, bucket in await store.totals()}


async def test_a_cluster_counts(tmp_path: Path) -> None:
    """Three masters: keys spread over them; a step over several budgets is still one step."""
    async with redis_cluster(tmp_path) as servers:
        nodes = tuple(f"127.0.0.1:{server.port}" for server in servers[:2])
        await limits_are_exact(policy="redis-cluster", redis_cluster_name="c", redis_cluster_nodes=nodes)
        store = RedisBudgets(place_of_address(f"redis-cluster://{','.join(nodes)}", 5.0), "n")
        claims = (claim(300, "x"), claim(300, "y"))
        granted = await asyncio.gather(*(store.take(f"r{number}", claims) for number in range(8)))
        assert sum(one.allowed for one in granted) == 3
        spent_by_now = 0
        for number, one in enumerate(granted):
            if one.allowed:
                spent_by_now += 1
                said = (Bucket(100 * spent_by_now), Bucket(200 * spent_by_now))
                await store.settle(f"r{number}", claims, (Outcome(100), Outcome(200)), said)
        assert await spent(store) == {"x": (300, 0), "y": (600, 0)}
        assert await store.first_to_tell("t")
        assert not await store.first_to_tell("t")
        assert await store.life() == await store.life()
        await store.close()


async def test_the_master_that_sentinels_name_counts_and_after_it_the_next(tmp_path: Path) -> None:
    """Its death costs a second or two; what the replica had not heard of is counted again."""
    async with guarded_redis(tmp_path) as (master, _, sentinel):
        sentinels = [{"host": "127.0.0.1", "port": sentinel.port}]
        await limits_are_exact(policy="redis-sentinel", redis_master_name="main", redis_sentinels=sentinels)
        address = f"redis-sentinel://127.0.0.1:{sentinel.port}/main"
        authority = BudgetAuthority(str(tmp_path), "n", RedisBudgets(place_of_address(address), "n"))
        authority.open()
        for name in ("a", "b"):
            took = authority.take(1, TakeAll(name, (claim(400),)))
            assert (await took).allowed  # type: ignore[misc]
        authority.settle(SettleAll("a", (Outcome(150),)))
        await asyncio.sleep(0.1)
        master.kill()

        async def whole() -> bool:
            try:
                return [(one.spent, one.held) for _, _, one in await authority.totals()] == [(150, 400)]
            except CounterUnavailable:
                return False

        await until(whole, "the next master does not count")
        await authority.close()
