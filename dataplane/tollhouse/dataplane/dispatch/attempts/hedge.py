"""A rival for a target that is slow to start: the first good answer counts, the other attempt is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply

OVERTAKEN = "overtaken"
"""Why an attempt was cancelled (``CancelledError.args``): its rival answered first."""

_LETTING_GO: set[asyncio.Task[None]] = set()

Outcome = Reply | UpstreamFailure
Begin = Callable[[], Coroutine[Any, Any, Outcome]]


async def race(first: Begin, second: Begin, wait: Callable[[], float]) -> tuple[Outcome, UpstreamFailure | None]:
    """The first's outcome, or the second's reply. ``wait`` says in how many seconds it wants to be asked again; 0
    starts the second. Returns (outcome, how the second failed, if it was tried and the first failed too).

    The first runs in the caller's own task, so that a race nobody starts costs no more than a timer."""
    contest = _Contest(second, wait)
    try:
        outcome = await first()
    except asyncio.CancelledError:
        reply = contest.stop()
        if reply is None or contest.cancelled_by_others():
            await contest.end()
            raise
        return reply, None
    except BaseException:
        if contest.stop() is not None:
            contest.cancelled_by_others()
        await contest.end()
        raise
    if contest.stop() is not None:
        contest.cancelled_by_others()
    if isinstance(outcome, Reply):
        await contest.end()
        return outcome, None
    return await contest.second_chance(outcome)


class _Contest:
    """The rival of one attempt, and when it comes."""

    __slots__ = ("_beaten", "_begin", "_cancelling", "_loop", "_main", "_over", "_rival", "_timer", "_wait")

    def __init__(self, begin: Begin, wait: Callable[[], float]) -> None:
        self._begin = begin
        self._wait = wait
        self._loop = asyncio.get_running_loop()
        main = asyncio.current_task()
        assert main is not None
        self._main = main
        self._cancelling = main.cancelling()
        self._rival: asyncio.Task[Outcome] | None = None
        self._over = False
        self._beaten: Reply | None = None
        self._timer: asyncio.TimerHandle = self._loop.call_later(wait(), self._due)

    def _due(self) -> None:
        if self._over:
            return
        left = self._wait()
        if left > 0:
            self._timer = self._loop.call_later(left, self._due)
            return
        self._rival = self._loop.create_task(self._begin())
        self._rival.add_done_callback(self._arrived)

    def _arrived(self, rival: asyncio.Task[Outcome]) -> None:
        """The rival is through: a good answer ends the first attempt; a failure leaves it its chance."""
        if self._over or rival.cancelled() or rival.exception() is not None:
            return
        outcome = rival.result()
        if isinstance(outcome, Reply):
            self._over = True
            self._beaten = outcome
            self._main.cancel(OVERTAKEN)

    def stop(self) -> Reply | None:
        """Nobody is cancelled any more. The rival's reply, if it was the first."""
        self._over = True
        self._timer.cancel()
        return self._beaten

    def cancelled_by_others(self) -> bool:
        """Take our own cancelling back; whether somebody else wants the task cancelled too (the client left)."""
        return self._main.uncancel() > self._cancelling

    async def second_chance(self, failure: UpstreamFailure) -> tuple[Outcome, UpstreamFailure | None]:
        """The first has failed: what the rival says, if there is one."""
        rival = self._rival
        if rival is None:
            return failure, None
        try:
            await asyncio.wait({rival})
        except BaseException:
            await self.end()
            raise
        outcome = rival.result()
        return (outcome, None) if isinstance(outcome, Reply) else (failure, outcome)

    async def end(self) -> None:
        """Let go of the rival, and of an answer it may have had."""
        rival = self._rival
        if rival is None:
            return
        rival.cancel(OVERTAKEN)
        letting_go = self._loop.create_task(_let_go(rival))  # goes on when we are cancelled while we wait for it
        _LETTING_GO.add(letting_go)
        letting_go.add_done_callback(_LETTING_GO.discard)
        await asyncio.shield(letting_go)


async def _let_go(rival: asyncio.Task[Outcome]) -> None:
    await asyncio.wait({rival})
    if not rival.cancelled() and rival.exception() is None and isinstance(reply := rival.result(), Reply):
        close = getattr(reply.stream, "aclose", None)
        if close is not None:
            await close()
