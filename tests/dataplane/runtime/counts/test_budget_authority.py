"""Budgets of a node and of a fleet: exact over workers and nodes, and nothing stays held when somebody dies."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane.redis_place import place_of_address
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.redis_budgets import RedisBudgets
from tollhouse.dataplane.runtime.counts.remote_budgets import RemoteBudgets
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll, TookAll
from tollhouse.dataplane.settings import Settings
from tollhouse.dataplane.spending import Claim, Crossing, Outcome

from tests.support.counting_node import counting_node
from tests.support.redis_server import RedisServer, redis_server

__all__ = ["redis_server"]


def claim(units: int, key: str = "k", limit: int = 1000, enforced: bool = True) -> Claim:
    return Claim(key, units, limit, 100, 100, 4_000_000_000, enforced)


def redis_budgets(server: RedisServer, timeout_s: float = 1.0, node: str = "n") -> RedisBudgets:
    return RedisBudgets(place_of_address(f"redis://127.0.0.1:{server.port}/0", timeout_s), node)


@pytest.fixture(params=["node", "redis", "another node"])
async def authorities(
    request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path: Path
) -> AsyncIterator[list[BudgetAuthority]]:
    """The one that counts for a node, two that share a Redis, or two that a third one counts for."""
    async with AsyncExitStack() as stack:
        stores: list[Any] = [None]
        if request.param == "redis":
            stores = [redis_budgets(redis_server, 15.0, f"n{number}") for number in range(2)]
        elif request.param == "another node":
            counting = await stack.enter_async_context(counting_node(tmp_path / "counting"))
            stores = [RemoteBudgets(counting.address, f"n{number}", Settings(), 15.0) for number in range(2)]
        made = [
            BudgetAuthority(str(tmp_path / str(number)), f"n{number}", store) for number, store in enumerate(stores)
        ]
        for one in made:
            one.open()
        yield made
        for one in made:
            await one.close()


async def take(authority: BudgetAuthority, name: str, *claims: Claim) -> TookAll:
    answer = authority.take(1, TakeAll(name, claims))
    return answer if isinstance(answer, TookAll) else await answer


async def spent(authority: BudgetAuthority) -> dict[str, tuple[int, int, int]]:
    return {key: (one.spent, one.held, one.doubt) for key, _, one in await authority.totals()}


async def settled(authority: BudgetAuthority) -> dict[str, tuple[int, int, int]]:
    """The totals once nothing is held."""
    for _ in range(100):
        found = await spent(authority)
        if not any(held for _, held, _ in found.values()):
            return found
        await asyncio.sleep(0.02)
    return found


async def test_all_or_nothing_over_several_budgets(authorities: list[BudgetAuthority]) -> None:
    """The refused one is named with what is used; the others are untouched."""
    first, last = authorities[0], authorities[-1]
    assert (await take(first, "a", claim(900, "x"), claim(10, "y"))).used == (900, 10)
    refused = await take(last, "b", claim(10, "y"), claim(200, "x"))
    assert (refused.allowed, refused.refused, refused.used[1]) == (False, 1, 900)
    first.settle(SettleAll("a", (Outcome(300, 50), Outcome(1))))
    assert await settled(last) == {"x": (300, 0, 50), "y": (1, 0, 0)}
    first.settle(SettleAll("a", (Outcome(300, 50), Outcome(1))))
    await asyncio.sleep(0.05)
    assert await settled(last) == {"x": (300, 0, 50), "y": (1, 0, 0)}


async def test_many_at_once_never_pass_the_limit(authorities: list[BudgetAuthority]) -> None:
    """Two hundred takes and settlements in a heap."""
    luck = random.Random(5)
    passed = 0

    async def one(number: int) -> None:
        nonlocal passed
        authority = authorities[number % len(authorities)]
        if (await take(authority, f"r{number}", claim(luck.randrange(20, 90)))).allowed:
            await asyncio.sleep(luck.random() / 50)
            authority.settle(SettleAll(f"r{number}", (Outcome(luck.randrange(0, 20)),)))
            passed += 1

    watching = True

    async def watch() -> None:
        while watching:
            for used, held, _ in (await spent(authorities[0])).values():
                assert used + held <= 1000
            await asyncio.sleep(0.005)

    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(one(number) for number in range(200)))
    watching = False
    await watcher
    total = await settled(authorities[0])
    assert 0 < total["k"][0] <= 1000
    assert passed > 11  # more than fit at once at their worst


async def test_a_settlement_that_comes_before_the_stores_answer_frees_everything(
    authorities: list[BudgetAuthority],
) -> None:
    """The client left while the store was asked."""
    authority = authorities[0]
    answer = authority.take(1, TakeAll("a", (claim(500),)))
    authority.settle(SettleAll("a", ()))
    if not isinstance(answer, TookAll):
        await answer
    assert all(held == 0 for _, held, _ in (await settled(authority)).values())


async def test_a_store_that_is_down_is_told_and_settled_when_it_is_back(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """No answer means no take; what was spent is counted once Redis answers again, though it forgot everything."""
    authority = BudgetAuthority(str(tmp_path), "n", redis_budgets(redis_server))
    authority.open()
    assert (await take(authority, "a", claim(500))).allowed
    redis_server.kill()
    assert "redis" in (await take(authority, "b", claim(1))).down
    authority.settle(SettleAll("a", (Outcome(200),)))
    await asyncio.sleep(0.1)
    assert not authority.reachable
    redis_server.start()
    for _ in range(80):
        if not authority.counts.open:
            break
        await asyncio.sleep(0.1)
    assert await settled(authority) == {"k": (200, 0, 0)}
    await authority.close()


async def test_the_next_supervisor_knows_what_is_open(tmp_path: Path) -> None:
    """Reservations of the last one are nobody's, until their workers' files say what became of them."""
    first = BudgetAuthority(str(tmp_path), "n")
    first.open()
    await take(first, "s-1", claim(500))
    await asyncio.sleep(0)
    second = BudgetAuthority(str(tmp_path), "n")
    second.open()
    assert second.left_open == ["s-1"]
    assert not (await take(second, "t-1", claim(600))).allowed
    second.settle(SettleAll("s-1", (Outcome(100),)))
    assert (await take(second, "t-1", claim(600))).allowed
    await second.close()
    await first.close()


async def test_a_threshold_is_told_once_per_window(tmp_path: Path, caplog: Any) -> None:
    """However many workers see it."""
    authority = BudgetAuthority(str(tmp_path), "n")
    told: list[Crossing] = []
    authority.on_crossed(told.append)
    for bucket in (1, 1, 2):
        authority.crossed(Crossing("b", "b|consumer=x", bucket, 80, 81, 100, "tokens"))
    assert [one.bucket for one in told] == [1, 2]
    assert sum("threshold" in record.message for record in caplog.records) == 2
