"""When a slow target gets a rival."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.attempts.hedge import Begin
from tollhouse.dataplane.dispatch.attempts.rivals import NEVER, Rivals
from tollhouse.dataplane.dispatch.attempts.trial import Books
from tollhouse.dataplane.dispatch.choosing.plan import BY_RECORD
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.dispatch.setup.endpoints import build_endpoint
from tollhouse.dataplane.dispatch.setup.probed import probe_of
from tollhouse.dataplane.engine.patience import ALIVE, ENOUGH, FLOOR_S, SILENT_STREAM, Kind
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.registry import provider_types
from tollhouse.dataplane.reply import Reply
from tollhouse.proto.resources.upstream import ActiveCheck

from tests.dataplane.dispatch.choosing.test_targets import fail, target
from tests.support.exchanges import finished_chat
from tests.support.services import StillClock, plain_services

OTHER = replace(target("n", "b"), endpoint=build_endpoint(provider_types()["anthropic"], "anthropic", environment={}))
KIND = Kind(stream=True, thinks=False, size=0)


def after(seconds: float, reply: Reply) -> Begin:
    async def run() -> Any:
        await asyncio.sleep(seconds)
        return reply

    return run


def asked(books: Books, ex: Exchange, seconds: float, reply: Reply) -> Begin:
    """The same by a provider that is asked at once."""

    async def run() -> Any:
        books.open(ex, target("m", "a"), books.states.of(target("m", "a")))
        await asyncio.sleep(seconds)
        return reply

    return run


async def test_a_configured_time_is_the_time() -> None:
    """The rival begins after it, wins, and is counted; the quick ones have none."""
    services = plain_services()
    rivals = Rivals(services, Books(services))
    ex = await finished_chat()
    slow, quick = Reply(), Reply()
    raced = (target("m", "a"), target("m", "b"))
    assert await rivals.race(ex, 5.0, None, *raced, after(0, quick), after(0, slow)) == (quick, None)
    assert rivals._late_s(states_of(services).of(raced[0]), 0.01, None, 0, 0) == 0.01


async def test_by_its_own_record() -> None:
    """Nobody is late without one; then a quarter beyond the ordinary time, five times it while it answers others as
    ever; once it was found silent or slow the floor for what it had before, for probes what it takes longer than the
    rival."""
    services = plain_services()
    state = states_of(services).of(target("m"))
    now = 100.0
    late = Rivals._late_s
    assert late(state, BY_RECORD, KIND, now, now) == float("inf")
    for _ in range(ENOUGH):
        state.paced(KIND, 3.0, now)
    assert late(state, BY_RECORD, KIND, now, now) == pytest.approx(3.0 * SILENT_STREAM)
    state.alive_s = now + 1  # with an answer that was late itself
    assert late(state, BY_RECORD, KIND, now, now + 1) == pytest.approx(3.0 * SILENT_STREAM)
    state.brisk_s = now + 0.5
    assert late(state, BY_RECORD, KIND, now, now + 1) == pytest.approx(3.0 * ALIVE)
    assert late(state, BY_RECORD, Kind(stream=False, thinks=False, size=0), now, now + 1) == float("inf")
    fail(states_of(services), target("m"), "timeout", 3, now + 1)
    assert late(state, BY_RECORD, KIND, now, now + 1) == pytest.approx(3.0)
    state.brisk_s = now - 1
    assert late(state, BY_RECORD, Kind(stream=False, thinks=False, size=0), now, now + 1) == FLOOR_S
    assert late(state, BY_RECORD, KIND, now, now + 1 + FLOOR_S) == FLOOR_S
    assert late(state, BY_RECORD, KIND, now + 2, now + 2 + FLOOR_S) == pytest.approx(3.0)
    rival = states_of(services).of(target("n"))
    for _ in range(ENOUGH):
        rival.paced(KIND, 2.0, now)
    assert late(state, BY_RECORD, KIND, now + 2, now + 2 + FLOOR_S, rival) == pytest.approx(1.0)


async def test_who_is_not_late_yet_is_looked_at_again() -> None:
    """By its record it has minutes; when others find out that nothing comes any more, it is not left there."""
    clock = PassingClock()
    services = plain_services(clock=clock)
    books = Books(services)
    one, other = target("m", "a"), Reply()
    for _ in range(ENOUGH):
        books.states.of(one).paced(KIND, 90.0, clock.now)
    ex = await finished_chat()
    racing = asyncio.create_task(
        Rivals(services, books).race(ex, BY_RECORD, KIND, one, OTHER, asked(books, ex, 9.0, Reply()), after(0, other))
    )
    await asyncio.sleep(0.01)
    clock.now += FLOOR_S
    fail(books.states, one, "timeout", 3, clock.now)
    assert await asyncio.wait_for(racing, 3) == (other, None)


async def test_who_waits_for_a_budget_is_not_late() -> None:
    """Time counts from when the provider was asked: before that no rival would be any quicker."""
    services = plain_services(clock=PassingClock())
    books = Books(services)
    rivals = Rivals(services, books)
    ex = await finished_chat()
    raced = (target("m", "a"), OTHER)
    own, other = Reply(), Reply()

    async def held() -> Any:
        await asyncio.sleep(0.05)
        return own

    assert await rivals.race(ex, 0.002, None, *raced, held, after(0, other)) == (own, None)
    assert await rivals.race(ex, 0.002, None, *raced, asked(books, ex, 0.05, own), after(0, other)) == (other, None)


class PassingClock(StillClock):
    """A millisecond passes with every look."""

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now


async def test_few_are_asked_twice() -> None:
    """With the budget for second requests spent a slow target keeps its request, until it has fallen silent."""
    clock = PassingClock()
    services = plain_services(clock=clock)
    books = Books(services)
    rivals = Rivals(services, books)
    while rivals._budget.spend():
        pass
    ex = await finished_chat()
    own, other = Reply(), Reply()
    raced = (target("m", "a"), OTHER)
    assert await rivals.race(ex, 1e-9, None, *raced, asked(books, ex, 0.05, own), after(0, other)) == (own, None)
    fail(states_of(services), raced[0], "timeout", 3, clock.now)
    assert await rivals.race(ex, 1e-9, None, *raced, asked(books, ex, 0.9, own), after(0, other)) == (other, None)


async def test_what_was_asked_of_a_target_whose_probe_fails_is_not_left_there() -> None:
    """Though nobody opted in to rivals: this is failing over. Without a probe nobody is looked at."""
    clock = PassingClock()
    services = plain_services(clock=clock)
    books = Books(services)
    check = ActiveCheck.model_validate({"unhealthy": {"tcp_failures": 1}})
    one, quick = replace(target("m", "a"), probe=probe_of(target("m", "a").endpoint, check)), Reply()
    ex = await finished_chat()
    racing = asyncio.create_task(
        Rivals(services, books).race(ex, NEVER, None, one, OTHER, asked(books, ex, 9.0, Reply()), after(0, quick))
    )
    await asyncio.sleep(0.01)
    assert one.probe is not None
    assert books.states.probes is not None
    books.states.probes._watched[one.probe.key].checker._health[one.probe.name].failure("tcp_failure", 1)
    clock.now += FLOOR_S
    assert await asyncio.wait_for(racing, 3) == (quick, None)
