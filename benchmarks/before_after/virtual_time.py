"""An event loop on which nothing ever waits: when nobody has anything to do, the clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jump(selectors.SelectSelector):
    """Instead of sleeping, moves the loop's clock."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits for something that no timer will bring")
        self.loop.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own."""

    def __init__(self) -> None:
        selector = _Jump()
        self.now = 0.0
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        """Seconds since the beginning of the simulation."""
        return self.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in simulated time."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class VirtualClock:
    """The loop's time as a gateway's clock."""

    midnight = 1_767_571_200.0
    """A Monday."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + 1.0

    def time(self) -> float:
        return self.midnight + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
