"""The wire between supervisor and worker."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.link.link import Link, LinkError, LinkLost
from tollhouse.dataplane.runtime.link.messages import (
    Config,
    Done,
    Exposition,
    ExpositionWanted,
    Heartbeat,
    Hello,
    Message,
    Refusal,
)

from tests.support.linked import linked


async def test_questions_get_their_own_answers_whatever_order_they_come_in():
    async def later(message: Message) -> Message:
        assert isinstance(message, Hello)
        await asyncio.sleep(0.001 * (50 - message.pid))
        return Exposition(str(message.pid).encode())

    here, _ = await linked(asked=later)
    answers = await asyncio.gather(*(here.ask(Hello(number), Exposition, 2) for number in range(50)))
    assert [answer.body for answer in answers] == [str(number).encode() for number in range(50)]
    here.abort()


async def test_a_batch_of_many_megabytes_arrives_whole():
    arrived: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    here, _ = await linked(arrived.set_result)
    batch = Batch(7, True, tuple(RawObject("routes", str(n), b"x" * 1000, n) for n in range(20_000)))
    here.tell(Config(batch))
    assert await asyncio.wait_for(arrived, 10) == Config(batch)
    here.abort()


async def test_no_answer_in_time_another_answer_and_a_refusal_are_errors_that_say_so():
    async def asked(message: Message) -> Message:
        assert isinstance(message, Hello)
        if message.pid == 1:
            await asyncio.sleep(5)
        return Refusal("not today") if message.pid == 2 else Done()

    here, _ = await linked(asked=asked)
    with pytest.raises(LinkError, match=r"no answer within 0\.05 s"):
        await here.ask(Hello(1), Exposition, 0.05)
    with pytest.raises(LinkError, match="not today"):
        await here.ask(Hello(2), Exposition, 1)
    with pytest.raises(LinkError, match="unexpected answer Done"):
        await here.ask(Hello(3), Exposition, 1)
    here.abort()


async def test_a_question_that_fails_to_be_answered_is_refused_and_the_link_goes_on():
    def asked(message: Message) -> Message:
        if isinstance(message, ExpositionWanted):
            raise KeyError("secret detail")
        return Done()

    here, _ = await linked(asked=asked)
    with pytest.raises(LinkError, match="internal error: KeyError") as caught:
        await here.ask(ExpositionWanted(), Exposition, 1)
    assert "secret detail" not in str(caught.value)
    assert await here.ask(Hello(1), Done, 1) == Done()
    here.abort()


async def test_waiting_questions_fail_when_the_other_end_is_gone():
    lost = asyncio.Event()

    async def never(message: Message) -> Message:
        await asyncio.sleep(60)
        return Done()

    here, there = await linked(asked=never, lost=lost.set)
    waiting = asyncio.create_task(here.ask(Hello(1), Done, 30))
    await asyncio.sleep(0.01)
    there.abort()
    with pytest.raises(LinkLost):
        await waiting
    await asyncio.wait_for(lost.wait(), 1)
    with pytest.raises(LinkLost):
        await here.ask(Hello(2), Done, 1)
    here.tell(Heartbeat())


@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"\x00\x00\x00\x03\x00\x00\x00\x00\x00abc"])
async def test_garbage_ends_the_link(garbage):
    lost = asyncio.Event()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.create_unix_connection(lambda: Link(lambda m: None, lambda m: Done(), lost.set), sock=ours)
    theirs.sendall(garbage)
    await asyncio.wait_for(lost.wait(), 2)
    theirs.close()
