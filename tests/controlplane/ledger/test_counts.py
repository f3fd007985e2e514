"""What records came to on budgets: added up once per record, by node, until its window is over."""

import time
from typing import Any

from tollhouse.controlplane.ledger.counts import KEPT_S, forget_old
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.proto.admin.v1 import spend_pb2

from tests.support.ledgers import record


def counted(key: str, units: int, doubt: int = 0, bucket: int = 100, expires: int = 0) -> Any:
    return spend_pb2.BudgetCount(key=key, bucket=bucket, expires=expires, units=units, doubt=doubt)


async def told(ledger: Ledger, node: str = "") -> dict[tuple[str, int], tuple[int, int]]:
    found: dict[tuple[str, int], tuple[int, int]] = {}
    async for one in ledger.counts(node):
        units, doubt = found.get((one.key, one.bucket), (0, 0))
        found[one.key, one.bucket] = (units + one.units, doubt + one.doubt)
    return found


async def test_each_record_counts_once_on_each_budget_it_fell_under(ledger: Ledger) -> None:
    """Sent again it adds nothing; two nodes are added up, and can be told apart."""
    first = record("a", node="n1", counts=[counted("x", 10, 2), counted("y|consumer=c", 1)])
    await ledger.store([first, record("b", node="n1", counts=[counted("x", 5)]), record("c", node="n1")])
    await ledger.store([first, record("d", node="n2", counts=[counted("x", 100, bucket=200), counted("x", 7)])])
    assert await told(ledger) == {("x", 100): (22, 2), ("x", 200): (100, 0), ("y|consumer=c", 100): (1, 0)}
    assert await told(ledger, "n2") == {("x", 100): (7, 0), ("x", 200): (100, 0)}


async def test_windows_that_are_over_are_not_told_and_later_forgotten(ledger: Ledger) -> None:
    """The latest end counts: sessions go on."""
    now = int(time.time())
    await ledger.store([record("a", node="n", counts=[counted("old", 1, expires=now - KEPT_S - 9)])])
    await ledger.store([record("b", node="n", counts=[counted("live", 1, expires=now + 50)])])
    await ledger.store([record("c", node="n", counts=[counted("live", 1, expires=now - 5)])])
    assert await told(ledger) == {("live", 100): (2, 0)}
    await forget_old(ledger._engine)
    assert await told(ledger) == {("live", 100): (2, 0)}
