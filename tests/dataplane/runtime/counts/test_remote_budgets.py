"""One node counts for others: its death is waited out, and a node that counts for itself says how to change that."""

from __future__ import annotations

from pathlib import Path

import pytest
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.remote_budgets import RemoteBudgets
from tollhouse.dataplane.runtime.link.messages import SettleAll, TakeAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.settings import Settings
from tollhouse.dataplane.spending import Claim, Outcome

from tests.support.counting_node import counting_node
from tests.support.redis_fleet import until


def claim(units: int) -> Claim:
    return Claim("k", units, 1000, 100, 100, 4_000_000_000)


async def test_what_is_settled_while_it_is_away_is_counted_when_it_is_back(tmp_path: Path) -> None:
    """It knows from its journal what others hold, and lets nobody have it."""
    async with counting_node(tmp_path / "counting") as node:
        port = int(node.address.rpartition(":")[2])
        other = BudgetAuthority(str(tmp_path / "other"), "n2", RemoteBudgets(node.address, "n2", Settings()))
        other.open()
        assert (await other.take(1, TakeAll("s-1", (claim(600),)))).allowed  # type: ignore[misc]
    assert "counts" in (await other.take(1, TakeAll("s-2", (claim(1),)))).down  # type: ignore[misc]
    other.settle(SettleAll("s-1", (Outcome(200),)))
    async with counting_node(tmp_path / "counting", port=port) as node:
        assert node.authority.left_open == []
        assert node.authority.counts.used(claim(0)) == 600

        async def counted() -> bool:
            return node.authority.counts.used(claim(0)) == 200

        await until(counted, "it is not settled")
        assert (await other.totals())[0][2].spent == 200
        await other.close()


async def test_a_node_that_counts_for_itself_counts_for_nobody_else(tmp_path: Path) -> None:
    """The sentence names the remedy."""
    async with counting_node(tmp_path, serves=False) as node:
        with pytest.raises(CounterUnavailable, match="--budget-store shared"):
            await RemoteBudgets(node.address, "n2", Settings()).take("a", (claim(1),))
