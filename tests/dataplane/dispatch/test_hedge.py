"""A rival for the slow."""

from __future__ import annotations

import asyncio
from typing import Any

from tollhouse.dataplane.dispatch.hedge import Begin, Outcome, race
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


def yes() -> bool:
    """The rival may start."""
    return True


async def test_the_quick_need_no_rival() -> None:
    """Answered or failed in time: the second is never asked."""
    runner = Runner()
    for outcome in (Reply(), FAILED):
        got = await race(runner.after("a", 0, outcome), runner.after("b", 0, Reply()), 5, yes)
        assert got == (outcome, None)
    assert runner.log == ["a began", "a began"]


async def test_the_first_good_answer_counts() -> None:
    """The rival wins, the slow one is cancelled and has ended when the answer is given."""
    runner = Runner()
    reply = Reply()
    got = await race(runner.after("a", 5, Reply()), runner.after("b", 0.01, reply), 0.01, yes)
    assert got == (reply, None)
    assert runner.log == ["a began", "b began", "a cancelled"]


async def test_a_rival_that_fails_leaves_the_first_its_chance() -> None:
    """And if both fail, both failures are told."""
    runner = Runner()
    reply = Reply()
    assert await race(runner.after("a", 0.05, reply), runner.after("b", 0, FAILED), 0.01, yes) == (reply, None)
    other = UpstreamFailure("next", "timeout", 0, "slow")
    assert await race(runner.after("a", 0.03, FAILED), runner.after("b", 0, other), 0.01, yes) == (FAILED, other)


async def test_no_rival_without_leave() -> None:
    """The budget of second requests is used up, say."""
    runner = Runner()
    reply = Reply()
    assert await race(runner.after("a", 0.03, reply), runner.after("b", 0, Reply()), 0.01, lambda: False) == (
        reply,
        None,
    )
    assert runner.log == ["a began"]


async def test_a_client_that_leaves_ends_both() -> None:
    """Nothing runs on."""
    runner = Runner()
    work = asyncio.create_task(race(runner.after("a", 5, Reply()), runner.after("b", 5, Reply()), 0, yes))
    await asyncio.sleep(0.02)
    work.cancel()
    await asyncio.wait([work])
    assert sorted(runner.log[2:]) == ["a cancelled", "b cancelled"]
