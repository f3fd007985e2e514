"""So many at a time, the rest in a bounded and fair queue."""

from __future__ import annotations

import asyncio

import pytest
from tollhouse.dataplane.dispatch.choosing.gate import Door, Gate, Place, enter_any


async def test_places_are_bounded_and_handed_on() -> None:
    """The third waits until the first leaves."""
    gate = Gate()
    assert await gate.enter("a", 2, 10, 1)
    assert await gate.enter("b", 2, 10, 1)
    third = asyncio.create_task(gate.enter("c", 2, 10, 5))
    await asyncio.sleep(0)
    assert gate.waiting == 1
    gate.leave()
    assert await third
    assert (gate.inside, gate.waiting) == (2, 0)


async def test_nobody_waits_for_ever_or_in_a_full_queue() -> None:
    """Too late, no queue, no room in it: refused at once or in time."""
    gate = Gate()
    assert await gate.enter("a", 1, 1, 0)
    assert not await gate.enter("b", 1, 1, 0)
    assert not await gate.enter("b", 1, 0, 5)
    assert not await gate.enter("b", 1, 1, 0.01)
    waiting = asyncio.create_task(gate.enter("b", 1, 1, 5))
    await asyncio.sleep(0)
    assert not await gate.enter("b", 1, 1, 5)
    gate.leave()
    assert await waiting
    assert gate.inside == 1


async def test_a_client_that_leaves_the_queue_leaves_no_hole() -> None:
    """Cancelled while waiting, even at the moment of being let in."""
    gate = Gate()
    assert await gate.enter("a", 1, 9, 5)
    first = asyncio.create_task(gate.enter("b", 1, 9, 5))
    second = asyncio.create_task(gate.enter("c", 1, 9, 5))
    await asyncio.sleep(0)
    gate.leave()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second
    gate.leave()
    assert (gate.inside, gate.waiting) == (0, 0)


async def test_the_greedy_give_way() -> None:
    """In a full queue one caller's second waiting request yields to another's first."""
    gate = Gate()
    assert await gate.enter("greedy", 1, 2, 5)
    hers = [asyncio.create_task(gate.enter("greedy", 1, 2, 5)) for _ in range(2)]
    await asyncio.sleep(0)
    his = asyncio.create_task(gate.enter("modest", 1, 2, 5))
    assert not await hers[1]
    gate.leave()
    gate.leave()
    assert await his
    assert await hers[0]


async def test_a_place_is_given_back_once() -> None:
    """However often it is left."""
    gate = Gate()
    assert await gate.enter("a", 1, 1, 1)
    place = Place(gate)
    place.leave()
    place.leave()
    assert gate.inside == 0


async def test_who_waits_before_several_doors_goes_in_by_the_first_that_opens() -> None:
    """Nobody who comes later overtakes, and no place is left behind at the other doors."""
    near, far = Gate(), Gate()
    assert await near.enter("a", 1, 9, 0)
    assert await far.enter("a", 1, 9, 0)
    doors = [Door(far, 1), Door(near, 1)]
    first = asyncio.create_task(enter_any(doors, "b", 9, 5))
    second = asyncio.create_task(enter_any(doors, "c", 9, 5))
    await asyncio.sleep(0)
    near.leave()
    assert not await near.enter("late", 1, 9, 0)
    assert await first is near
    near.leave()
    far.leave()
    assert await second is near
    assert (near.inside, near.waiting, far.inside, far.waiting) == (1, 0, 0, 0)


async def test_two_doors_that_open_at_once_lose_no_place() -> None:
    """One is taken, the other stays open; too late and cancelled waiting leave nothing behind."""
    near, far = Gate(), Gate()
    assert await near.enter("a", 1, 9, 0)
    assert await far.enter("a", 1, 9, 0)
    doors = [Door(near, 1), Door(far, 1)]
    assert await enter_any(doors, "b", 9, 0.01) is None
    waiting = asyncio.create_task(enter_any(doors, "b", 9, 5))
    await asyncio.sleep(0)
    near.leave()
    far.leave()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (near.inside, near.waiting, far.inside, far.waiting) == (0, 0, 0, 0)
