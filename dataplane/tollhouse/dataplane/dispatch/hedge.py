"""A rival for a target that is slow to start: the first good answer counts, the other attempt is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply

OVERTAKEN = "overtaken"
"""Why an attempt was cancelled (``CancelledError.args``): its rival answered first."""

Outcome = Reply | UpstreamFailure
Begin = Callable[[], Coroutine[Any, Any, Outcome]]


async def race(
    first: Begin, second: Begin, after_s: float, may_start: Callable[[], bool]
) -> tuple[Outcome, UpstreamFailure | None]:
    """The first's outcome, or the second's reply. The second starts only when the first has neither answered nor failed
    after ``after_s`` and ``may_start`` agrees, which is asked again every ``after_s``. Returns (outcome, how the second
    failed, if it was tried and did)."""
    one: asyncio.Task[Outcome] = asyncio.create_task(first())
    other: asyncio.Task[Outcome] | None = None
    try:
        await asyncio.wait({one}, timeout=after_s)
        while not one.done() and not may_start():
            await asyncio.wait({one}, timeout=after_s)
        if one.done():
            return one.result(), None
        other = asyncio.create_task(second())
        await asyncio.wait({one, other}, return_when=asyncio.FIRST_COMPLETED)
        early, late = (one, other) if one.done() else (other, one)
        if not isinstance(early.result(), Reply):
            await asyncio.wait({late})
        for task, rival in ((one, other), (other, one)):
            if task.done() and isinstance(task.result(), Reply):
                await _close(rival)
                return task.result(), None
        beside = other.result()
        assert isinstance(beside, UpstreamFailure)
        return one.result(), beside
    finally:
        await _end([task for task in (one, other) if task is not None and not task.done()])


async def _end(tasks: list[asyncio.Task[Outcome]]) -> None:
    for task in tasks:
        task.cancel(OVERTAKEN)
    if tasks:
        await asyncio.wait(tasks)
        for task in tasks:
            await _close(task)


async def _close(task: asyncio.Task[Outcome]) -> None:
    """Let go of the answer of one that was as quick, or came at the very moment it was cancelled."""
    if task.done() and not task.cancelled() and task.exception() is None and isinstance(reply := task.result(), Reply):
        close = getattr(reply.stream, "aclose", None)
        if close is not None:
            await close()
