"""Time and randomness as the ports want them."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """The machine's clocks."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)
    """Seconds that only go forward; the same in all processes of the machine (CLOCK_MONOTONIC)."""

    time = staticmethod(time.time)
    """Epoch seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
