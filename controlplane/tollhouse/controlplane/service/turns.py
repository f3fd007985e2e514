"""Turns of a read-decide-commit loop: a growing random pause between them, so that rivals do not go in step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

from tollhouse.controlplane.service.refusal import Fault, Refusal

TURNS = 30


async def turns() -> AsyncIterator[int]:
    """Up to TURNS of them."""
    for turn in range(TURNS):
        if turn:
            await asyncio.sleep(random.uniform(0, min(0.002 * 2**turn, 0.1)))
        yield turn


def lost_race() -> Refusal:
    """Every turn was lost: APISIX's words."""
    return Refusal(Fault.LOST_RACE, "value changed before overwritten")
