from __future__ import annotations

import asyncio

import pytest
from tollhouse.controlplane.service.exclusion import Exclusion
from tollhouse.controlplane.service.refusal import Refusal


class Log:
    def __init__(self) -> None:
        self.exclusion = Exclusion(longest_wait_s=0.2)
        self.lines: list[str] = []

    async def work(self, name: str, *, alone: bool, turns: int = 3) -> None:
        async with self.exclusion.turn(alone=alone):
            self.lines.append(f"+{name}")
            for _ in range(turns):
                await asyncio.sleep(0)
            self.lines.append(f"-{name}")


async def test_alone_means_alone_and_in_order() -> None:
    """Puts run beside each other; what must be alone waits for them, and those behind it wait for it."""
    log = Log()
    await asyncio.gather(
        log.work("a", alone=False), log.work("b", alone=False), log.work("X", alone=True), log.work("c", alone=False)
    )
    assert log.lines[:2] == ["+a", "+b"]
    assert log.lines[4:] == ["+X", "-X", "+c", "-c"]


async def test_cancelled_waiters_leave_no_trace() -> None:
    """Whoever is cancelled while waiting, or in the moment its turn comes, blocks nobody."""
    log = Log()
    for delay in range(6):
        holder = asyncio.ensure_future(log.work("h", alone=True))
        waiter = asyncio.ensure_future(log.work("w", alone=True))
        for _ in range(delay):
            await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        await asyncio.wait_for(log.work("n", alone=True), 1)


async def test_waiting_has_an_end() -> None:
    """Nobody waits for ever."""
    log = Log()
    async with log.exclusion.turn(alone=True):
        with pytest.raises(Refusal, match="other writes have been waiting"):
            await log.work("late", alone=False)
    await log.work("next", alone=True)
