"""Workers with envelopes in front of a real authority: far fewer questions, the same counts."""

import asyncio
from pathlib import Path

import pytest
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.linked_budgets import LinkedBudgets
from tollhouse.dataplane.runtime.link.link import Link
from tollhouse.dataplane.runtime.link.messages import Message, SettleAll, Spent, TakeAll
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Claim, Outcome

from tests.support.linked import linked


def claim(units: int, limit: int) -> Claim:
    return Claim("k", units, limit, 5, 5, 4_000_000_000)


class Desk:
    """An authority, and a count of what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.authority = BudgetAuthority(str(folder), "n")
        self.authority.open()
        self.asked = 0

    async def worker(self, series: str) -> LinkedBudgets:
        here, _ = await linked(self._told, self._asked)
        self._links: list[Link] = [*getattr(self, "_links", []), here]
        return LinkedBudgets(lambda: here, series)

    def _told(self, message: Message) -> None:
        assert isinstance(message, SettleAll)
        self.authority.settle(message)

    def _asked(self, message: Message) -> Message:
        assert isinstance(message, TakeAll)
        self.asked += 1
        taken = self.authority.take(1, message)
        assert not asyncio.iscoroutine(taken)
        return taken  # type: ignore[return-value]

    def totals(self) -> tuple[int, int]:
        """Spent and held."""
        found = self.authority.counts.totals.get("k", {}).values()
        return sum(one.spent for one in found), sum(one.held for one in found)


async def test_the_common_attempt_asks_nobody(tmp_path: Path) -> None:
    """A hundred attempts, a handful of questions, and every unit accounted for."""
    desk = Desk(tmp_path)
    worker = await desk.worker("s")
    for number in range(100):
        assert (await worker.take_all(f"s-{number}", (claim(10, 1_000_000),))).allowed
        worker.settle_all(f"s-{number}", (Outcome(3),))
    assert desk.asked < 10
    worker.return_all()
    await asyncio.sleep(0.05)
    assert desk.totals() == (300, 0)
    await desk.authority.close()


async def test_many_at_once_ask_once(tmp_path: Path) -> None:
    """While one asks for many the others wait for it."""
    desk = Desk(tmp_path)
    worker = await desk.worker("s")
    await worker.take_all("s-first", (claim(10, 10_000_000),))
    asked = desk.asked
    for wave in range(4):
        names = [f"s-{wave}-{number}" for number in range(60)]
        assert all(
            one.allowed
            for one in await asyncio.gather(*(worker.take_all(name, (claim(10, 10_000_000),)) for name in names))
        )
        for name in names:
            worker.settle_all(name, (Outcome(10),))
    assert desk.asked - asked < 12
    assert desk.totals()[1] < 10 * 4 * 256
    await desk.authority.close()


async def test_where_nothing_is_written_down_the_node_is_told_what_envelopes_come_to(tmp_path: Path) -> None:
    """While they are open, and only when it is news."""
    told: list[Message] = []
    desk = Desk(tmp_path)
    here, _ = await linked(told.append, desk._asked)
    worker = LinkedBudgets(lambda: here, "s", tells=True)
    await worker.take_all("s-0", (claim(10, 1_000_000),))
    for number in range(1, 4):
        await worker.take_all(f"s-{number}", (claim(10, 1_000_000),))
    worker.settle_all("s-1", (Outcome(3),))
    for _ in range(2):
        worker.return_over(0.0)
    await asyncio.sleep(0.02)
    assert told == [Spent("s-E1", (Outcome(3),))]
    await desk.authority.close()


async def test_two_workers_never_pass_the_limit_and_leave_nothing_unused(tmp_path: Path) -> None:
    """Near the limit every attempt asks; what one worker holds in advance the other gets back."""
    desk = Desk(tmp_path)
    workers = [await desk.worker("a"), await desk.worker("b")]
    allowed = 0
    for number in range(4000):
        worker = workers[number % 2]
        if (await worker.take_all(f"{number}", (claim(7, 20_000),))).allowed:
            worker.settle_all(f"{number}", (Outcome(7),))
            allowed += 1
        spent, held = desk.totals()
        assert spent + held <= 20_000
    for worker in workers:
        worker.return_all()
    await asyncio.sleep(0.05)
    assert desk.totals() == (allowed * 7, 0)
    while (await workers[0].take_all(f"last-{allowed}", (claim(7, 20_000),))).allowed:
        workers[0].settle_all(f"last-{allowed}", (Outcome(7),))
        workers[0].return_all()
        allowed += 1
        await asyncio.sleep(0)
    assert allowed == 20_000 // 7
    await desk.authority.close()


async def test_a_client_that_leaves_while_asking_leaves_nothing_held(tmp_path: Path) -> None:
    """The question was on its way."""
    desk = Desk(tmp_path)
    worker = await desk.worker("s")
    task = asyncio.create_task(worker.take_all("s-1", (claim(10, 1000),)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.05)
    assert desk.totals()[1] == 0
    desk._links[0].abort()
    await asyncio.sleep(0.05)
    with pytest.raises(CounterUnavailable):
        await worker.take_all("s-2", (claim(10, 1000),))
    await desk.authority.close()
