"""Batches of log entries: when they go, what is retried, what is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tollhouse.dataplane.records.log_batches import BatchConfig, BatchSender, SendFailed

from tests.support.services import Number, plain_services


class Receiver:
    """Takes batches, after refusing the first few."""

    def __init__(self, refuse: int = 0) -> None:
        self.refuse = refuse
        self.tries = 0
        self.taken: list[list[bytes]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, entries: Sequence[bytes]) -> None:
        self.tries += 1
        await self.open.wait()
        if self.tries <= self.refuse:
            raise SendFailed("busy")
        self.taken.append(list(entries))


def sender(receiver: Receiver, max_pending: int = 100, **config: int) -> tuple[BatchSender, Number]:
    dropped = Number()
    return BatchSender(BatchConfig(**config), max_pending, plain_services(), receiver, dropped), dropped  # type: ignore[arg-type]


async def settled(one: BatchSender) -> None:
    async with asyncio.timeout(10):
        while one.pending:
            await asyncio.sleep(0.005)


async def test_a_full_batch_goes_at_once() -> None:
    """So many entries as fit do not wait for more; the rest waits."""
    receiver = Receiver()
    one, _ = sender(receiver, batch_max_size=3)
    for number in range(7):
        one.push(b"%d" % number)
    await asyncio.sleep(0.05)
    assert receiver.taken == [[b"0", b"1", b"2"], [b"3", b"4", b"5"]]
    assert one.pending == 1
    await one.close()
    assert receiver.taken[-1] == [b"6"]


async def test_a_quiet_moment_sends_what_waits() -> None:
    """After the inactive timeout the batch goes as it is."""
    receiver = Receiver()
    one, _ = sender(receiver, inactive_timeout=1)
    one.push(b"a")
    await asyncio.sleep(0.2)
    assert receiver.taken == []
    await settled(one)
    assert receiver.taken == [[b"a"]]


async def test_retries_as_often_as_configured() -> None:
    """A batch that is refused comes again; after the last try it is dropped and counted."""
    receiver = Receiver(refuse=2)
    one, dropped = sender(receiver, batch_max_size=1, max_retry_count=2, retry_delay=0)
    one.push(b"a")
    await settled(one)
    assert (receiver.taken, receiver.tries, dropped.value) == ([[b"a"]], 3, 0)
    receiver.refuse = 10
    one.push(b"b")
    await settled(one)
    assert (len(receiver.taken), receiver.tries, dropped.value) == (1, 6, 1)


async def test_without_retries_an_entry_is_sent_once() -> None:
    """The default: at most once."""
    receiver = Receiver(refuse=1)
    one, dropped = sender(receiver, batch_max_size=1)
    one.push(b"a")
    one.push(b"b")
    await settled(one)
    assert (receiver.taken, dropped.value) == ([[b"b"]], 1)


async def test_a_slow_receiver_costs_bounded_memory() -> None:
    """While too many entries wait, new ones are dropped and counted, and later ones arrive again."""
    receiver = Receiver()
    receiver.open.clear()
    one, dropped = sender(receiver, max_pending=5, batch_max_size=2)
    for number in range(20):
        one.push(b"%d" % number)
        await asyncio.sleep(0)
    assert one.pending == 5
    assert dropped.value == 15
    receiver.open.set()
    await one.close()
    assert [entry for batch in receiver.taken for entry in batch] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_replaced_sender_keeps_trying_as_configured() -> None:
    """A receiver that is away while the configuration changes gets its entries when it is back: the first try comes at
    once, those after it with the pause they were told."""
    receiver = Receiver(refuse=2)
    one, dropped = sender(receiver, batch_max_size=1, max_retry_count=3, retry_delay=1)
    one.push(b"a")
    await asyncio.sleep(0.05)
    assert receiver.tries == 1
    began = asyncio.get_running_loop().time()
    closing = asyncio.create_task(one.close())
    await asyncio.sleep(0.05)
    assert receiver.tries == 2
    await asyncio.wait_for(closing, 5)
    assert asyncio.get_running_loop().time() - began > 0.9
    assert (receiver.taken, dropped.value) == ([[b"a"]], 0)


async def test_what_the_end_of_a_node_cuts_off_is_counted() -> None:
    """Entries under way and entries that wait."""
    receiver = Receiver()
    receiver.open.clear()
    services = plain_services()
    dropped = Number()
    one = BatchSender(BatchConfig(batch_max_size=2), 100, services, receiver, dropped)  # type: ignore[arg-type]
    for entry in (b"a", b"b", b"c"):
        one.push(entry)
    closing = asyncio.create_task(one.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    for task in services.spawn.tasks:  # type: ignore[attr-defined]
        task.cancel()
    await asyncio.wait_for(closing, 5)
    assert (dropped.value, one.pending) == (3, 0)


async def test_an_unexpected_fault_is_tried_again_counted_and_stops_nothing() -> None:
    """As if the receiver had refused."""
    receiver = Receiver()
    faults = [KeyError("x"), KeyError("x"), KeyError("x")]

    async def send(entries: Sequence[bytes]) -> None:
        if faults:
            raise faults.pop()
        await receiver(entries)

    dropped = Number()
    config = BatchConfig(batch_max_size=1, max_retry_count=1, retry_delay=0)
    one = BatchSender(config, 100, plain_services(), send, dropped)
    one.push(b"a")
    one.push(b"b")
    await settled(one)
    assert (receiver.taken, dropped.value) == ([[b"b"]], 1)


async def test_only_what_did_not_arrive_goes_again() -> None:
    """A receiver that took the first half gets the second."""
    taken: list[bytes] = []

    async def send(entries: Sequence[bytes]) -> None:
        half = len(entries) - len(entries) // 2
        taken.extend(entries[:half])
        if entries[half:]:
            raise SendFailed("full", entries[half:])

    dropped = Number()
    config = BatchConfig(batch_max_size=4, max_retry_count=1, retry_delay=0)
    one = BatchSender(config, 100, plain_services(), send, dropped)
    for number in range(4):
        one.push(b"%d" % number)
    await settled(one)
    assert (taken, dropped.value) == ([b"0", b"1", b"2"], 1)
