"""A rival for the slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.attempts.hedge import Begin, Outcome, race
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply

FAILED = UpstreamFailure("next", "connect", 0, "down")


class Runner:
    """Outcomes after a time, with a log of who was cancelled."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def after(self, name: str, seconds: float, outcome: Outcome) -> Begin:
        async def run() -> Any:
            self.log.append(f"{name} began")
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.log.append(f"{name} cancelled")
                raise
            return outcome

        return run


def after(seconds: float) -> Callable[[], float]:
    """The rival starts after this long."""
    asked = iter([seconds])
    return lambda: next(asked, 0.0)


async def test_the_quick_need_no_rival() -> None:
    """Answered or failed in time: the second is never asked."""
    runner = Runner()
    for outcome in (Reply(), FAILED):
        got = await race(runner.after("a", 0, outcome), runner.after("b", 0, Reply()), after(5))
        assert got == (outcome, None)
    assert runner.log == ["a began", "a began"]


async def test_the_first_good_answer_counts() -> None:
    """The rival wins, the slow one is cancelled and has ended when the answer is given."""
    runner = Runner()
    reply = Reply()
    got = await race(runner.after("a", 5, Reply()), runner.after("b", 0.01, reply), after(0.01))
    assert got == (reply, None)
    assert runner.log == ["a began", "b began", "a cancelled"]


async def test_a_rival_that_fails_leaves_the_first_its_chance() -> None:
    """And if both fail, both failures are told."""
    runner = Runner()
    reply = Reply()
    assert await race(runner.after("a", 0.05, reply), runner.after("b", 0, FAILED), after(0.01)) == (reply, None)
    other = UpstreamFailure("next", "timeout", 0, "slow")
    assert await race(runner.after("a", 0.03, FAILED), runner.after("b", 0, other), after(0.01)) == (FAILED, other)


async def test_no_rival_without_leave() -> None:
    """The budget of second requests is used up, say."""
    runner = Runner()
    reply = Reply()
    assert await race(runner.after("a", 0.03, reply), runner.after("b", 0, Reply()), lambda: 0.01) == (reply, None)
    assert runner.log == ["a began"]


async def test_a_client_that_leaves_ends_both() -> None:
    """Nothing runs on."""
    runner = Runner()
    work = asyncio.create_task(race(runner.after("a", 5, Reply()), runner.after("b", 5, Reply()), after(0)))
    await asyncio.sleep(0.02)
    work.cancel()
    await asyncio.wait([work])
    assert sorted(runner.log[2:]) == ["a cancelled", "b cancelled"]


async def test_a_rivals_own_trouble_leaves_the_first_its_chance() -> None:
    """A response hook refuses the rival's answer, say: told only if the first fails too."""

    async def refused() -> Outcome:
        raise UpstreamError(502, "refused", "no")

    runner = Runner()
    reply = Reply()
    assert await race(runner.after("a", 0.03, reply), refused, after(0.01)) == (reply, None)
    with pytest.raises(UpstreamError):
        await race(runner.after("a", 0.03, FAILED), refused, after(0.01))


async def test_the_answer_of_one_that_was_as_quick_is_closed() -> None:
    """The first refuses at the very moment its rival is through: nothing of the rival stays open."""
    closed: list[bool] = []

    class Body(AsyncIterator[bytes]):
        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            closed.append(True)

    async def first() -> Outcome:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            raise UpstreamError(502, "refused", "no") from None
        raise AssertionError

    async def second() -> Outcome:
        return Reply(200, [], stream=Body())

    with pytest.raises(UpstreamError):
        await race(first, second, after(0.01))
    assert closed == [True]
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_nothing_stays_open_when_the_letting_go_is_cancelled_too() -> None:
    """The server ends while a rival that answers late is being let go."""
    closed = asyncio.Event()

    class Body(AsyncIterator[bytes]):
        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            closed.set()

    async def stubborn() -> Outcome:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(5)
        await asyncio.sleep(0.03)
        return Reply(200, [], stream=Body())

    work = asyncio.create_task(race(Runner().after("a", 0.02, Reply()), stubborn, after(0)))
    await asyncio.sleep(0.03)
    work.cancel()
    await asyncio.wait([work])
    assert work.cancelled()
    assert not closed.is_set()
    await asyncio.wait_for(closed.wait(), 5)


async def test_a_client_that_leaves_as_the_rival_answers_has_left() -> None:
    """Both cancel the same task: the client's word counts."""
    runner = Runner()

    async def second() -> Outcome:
        work.cancel()
        return Reply()

    work = asyncio.create_task(race(runner.after("a", 5, Reply()), second, after(0.01)))
    await asyncio.wait([work])
    assert work.cancelled()
