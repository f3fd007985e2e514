"""A finished batch is charged to budgets once, however many workers and nodes read it, and whatever dies meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.spending import Claim, Outcome

from tests.dataplane.runtime.counts.test_budget_authority import authorities, redis_budgets, redis_server
from tests.support.redis_server import RedisServer

__all__ = ["authorities", "redis_server"]

CLAIMS = (Claim("k", 0, 1000, 100, 100, 4_000_000_000, False),)


async def spent(authority: BudgetAuthority) -> dict[str, int]:
    """Units per key, when nothing is held."""
    totals = await authority.totals()
    assert not any(bucket.held for _, _, bucket in totals)
    return {key: bucket.spent for key, _, bucket in totals if bucket.spent}


async def settled(authorities: list[BudgetAuthority], wanted: dict[str, int]) -> None:
    """Wait until all say so, and go on saying it."""
    async with asyncio.timeout(10):
        while [await spent(one) for one in authorities] != [wanted] * len(authorities):
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert [await spent(one) for one in authorities] == [wanted] * len(authorities)


async def test_the_first_reading_of_all_counts(authorities: list[BudgetAuthority]) -> None:
    """Past the limit too: it is paid for already. Another answer counts for itself."""
    for one in authorities * 3:
        one.charge_once("openai/batch_1", CLAIMS, (Outcome(700),))
    await settled(authorities, {"k": 700})
    authorities[-1].charge_once("openai/batch_2", CLAIMS, (Outcome(900),))
    await settled(authorities, {"k": 1600})


async def test_what_was_charged_is_known_to_the_next_supervisor(tmp_path: Path) -> None:
    """The journal says so, also when it was written anew; nothing is held by it."""
    for _ in range(3):
        authority = BudgetAuthority(str(tmp_path), "n")
        authority.open()
        authority.charge_once("openai/batch_1", CLAIMS, (Outcome(700),))
        await settled([authority], {"k": 700})
        await authority.close()


async def test_a_store_that_is_away_is_asked_again(tmp_path: Path, redis_server: RedisServer) -> None:
    """Nothing is counted meanwhile, and nothing is lost."""
    authority = BudgetAuthority(str(tmp_path), "n", redis_budgets(redis_server, 0.3))
    redis_server.kill()
    authority.open()
    for number in range(3):
        authority.charge_once(f"openai/batch_{number}", CLAIMS, (Outcome(100),))
    await asyncio.sleep(0.5)
    redis_server.start()
    await settled([authority], {"k": 300})
    await authority.close()
