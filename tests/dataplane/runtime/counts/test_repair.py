"""Counts that forget are made whole: from what nodes know still, and from the ledger."""

from __future__ import annotations

import asyncio
from pathlib import Path

from redis.asyncio import Redis
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.redis_place import place_of_address
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.redis_budgets import RedisBudgets
from tollhouse.dataplane.runtime.counts.shared_budgets import Counted
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll, TookAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Claim, Outcome

from tests.support.redis_fleet import until
from tests.support.redis_server import RedisServer, redis_server

__all__ = ["redis_server"]


def claim(units: int) -> Claim:
    return Claim("k", units, 1000, 100, 100, 4_000_000_000)


async def take(authority: BudgetAuthority, name: str, units: int) -> TookAll:
    answer = authority.take(1, TakeAll(name, (claim(units),)))
    return answer if isinstance(answer, TookAll) else await answer


async def says(authority: BudgetAuthority, spent: int, held: int) -> None:
    """Until it says so."""

    async def so() -> bool:
        try:
            return [(one.spent, one.held) for _, _, one in await authority.totals()] == [(spent, held)]
        except CounterUnavailable:
            return False

    await until(so, f"it never says {spent} spent and {held} held", 10)


def on_redis(
    server: RedisServer, folder: Path, ledger: list[Counted] | None = None, node: str = "n"
) -> BudgetAuthority:
    async def fetch() -> list[Counted]:
        return ledger or []

    store = RedisBudgets(place_of_address(f"redis://127.0.0.1:{server.port}"), node)
    authority = BudgetAuthority(str(folder), node, store, fetch if ledger is not None else None)
    authority.open()
    return authority


async def test_an_emptied_redis_learns_again_what_is_open_what_was_settled_lately_and_what_the_ledger_says(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """FLUSHALL under a running node."""
    ledger = [("other", "k", 100, Bucket(350, 0, 20, 4_000_000_000))]
    authority = on_redis(redis_server, tmp_path, ledger)
    assert (await take(authority, "open", 300)).allowed
    assert (await take(authority, "over", 300)).allowed
    authority.settle(SettleAll("over", (Outcome(50),)))
    await says(authority, 400, 300)  # the ledger knew of a node that is gone
    async with Redis(port=redis_server.port) as client:
        await client.flushall()
    assert not (await take(authority, "more", 400)).allowed
    await says(authority, 400, 300)
    authority.settle(SettleAll("open", (Outcome(100),)))
    await says(authority, 500, 0)
    assert await authority.repair.rebuild() == (1, 0)
    await authority.close()


async def test_what_the_ledger_has_of_attempts_under_way_is_not_counted_twice(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """Records of an envelope arrive before it is settled; those of another node before it tells its count again."""
    ledger: list[Counted] = []
    one = on_redis(redis_server, tmp_path / "n", ledger)
    other = on_redis(redis_server, tmp_path / "o", ledger, "o")
    assert (await take(other, "o-1", 60)).allowed
    other.settle(SettleAll("o-1", (Outcome(30),)))
    assert (await take(one, "envelope", 400)).allowed
    one.repair.under_way = lambda: [((claim(400),), [Outcome(120)])]
    for node, spent in (("n", 120), ("o", 30)):
        ledger.append((node, "k", 100, Bucket(spent, 0, 0, 4_000_000_000)))
    await one.repair.rebuild()
    await says(one, 30, 400)
    await other.repair.rebuild()  # knows nothing of the envelope: too much for the moment
    await says(one, 150, 400)
    one.settle(SettleAll("envelope", (Outcome(200),)))
    await says(one, 230, 0)
    await one.close()
    await other.close()


async def test_a_node_that_lost_its_journal_has_its_count_from_redis(redis_server: RedisServer, tmp_path: Path) -> None:
    """What it counts from then on comes on top of it."""
    first = on_redis(redis_server, tmp_path / "old")
    assert (await take(first, "a", 500)).allowed
    first.settle(SettleAll("a", (Outcome(500),)))
    await says(first, 500, 0)
    await first.close()
    second = on_redis(redis_server, tmp_path / "new")
    assert (await take(second, "b", 100)).allowed
    second.settle(SettleAll("b", (Outcome(100),)))
    await says(second, 600, 0)
    await second.close()


async def test_a_redis_that_lost_its_last_writes_settles_again(tmp_path: Path) -> None:
    """Its snapshot still holds the reservation that was settled afterwards; a new supervisor knows from its journal."""
    server = RedisServer("--dir", str(tmp_path)).start()
    try:
        authority = on_redis(server, tmp_path / "node")
        assert (await take(authority, "a", 700)).allowed
        async with Redis(port=server.port) as client:
            await client.save()
        authority.settle(SettleAll("a", (Outcome(100),)))
        await says(authority, 100, 0)
        await asyncio.sleep(1.1)
        server.kill()
        server.start()
        await says(authority, 100, 0)
        await authority.close()
        server.kill()
        server.start()
        again = on_redis(server, tmp_path / "node")
        await says(again, 100, 0)
        await again.close()
    finally:
        server.kill()


async def test_a_node_without_a_journal_begins_with_what_the_ledger_says(tmp_path: Path) -> None:
    """The first take waits for it; the next process has it from its journal, and is not raised twice."""
    asked: list[int] = []

    async def fetch() -> list[Counted]:
        asked.append(1)
        await asyncio.sleep(0.1)
        return [("n", "k", 100, Bucket(900, 0, 5, 4_000_000_000))]

    first = BudgetAuthority(str(tmp_path), "n", ledger=fetch)
    first.open()
    assert not (await take(first, "a", 200)).allowed
    assert (await take(first, "b", 50)).allowed
    first.settle(SettleAll("b", (Outcome(50),)))
    await first.close()
    second = BudgetAuthority(str(tmp_path), "n", ledger=fetch)
    second.open()
    assert [(one.spent, one.doubt) for _, _, one in await second.totals()] == [(950, 5)]
    assert asked == [1]
    assert await second.repair.rebuild() == (1, 0)
    await second.close()


async def test_a_ledger_that_does_not_answer_holds_nobody_up_for_long(tmp_path: Path) -> None:
    """Counting begins at zero, and is raised when the ledger is back."""
    there = False

    async def fetch() -> list[Counted]:
        if not there:
            raise CounterUnavailable("not there")
        return [("n", "k", 100, Bucket(900, 0, 0, 4_000_000_000))]

    authority = BudgetAuthority(str(tmp_path), "n", ledger=fetch)
    authority.open()
    assert (await take(authority, "a", 200)).allowed
    there = True
    authority.repair.ask_ledger()
    await says(authority, 900, 200)
    await authority.close()
