"""One entry per attempt, whatever dies: what is in the outboxes comes out once, and files go when they are empty."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane.runtime.ledger.outbox import Outbox
from tollhouse.dataplane.runtime.ledger.outbox_reader import Entry, OutboxReader
from tollhouse.dataplane.spending import Closed, LedgerFull, Opened, Outcome


def opened(name: str, **fields: Any) -> Opened:
    base = {"request": "r", "number": 1, "node": "n", "consumer": "c", "groups": (), "route": "1", "asked_model": "m"}
    more = {"model": "m", "provider": "p", "target": "t", "session": "", "tags": {}, "price_source": "x", "revision": 1}
    return Opened(id=name, at_ms=1, stream=False, **{**base, **more, **fields})


def closed(name: str) -> Closed:
    return Closed(name, 2, "ok", 200, 1, 500, outcomes=(Outcome(500),))


def files(folder: Path) -> list[Path]:
    return list(folder.glob("*.log"))


class Reading:
    """A reader, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.settled: list[str] = []
        self.ended: list[str] = []
        self.reader = OutboxReader(folder, lambda _, one: self.settled.append(one.id), self.ended.append)

    def poll(self) -> list[Entry]:
        self.reader.poll(look_for_dead=True)
        found = list(self.reader.waiting)
        self.reader.waiting.clear()
        return found


async def test_entries_come_out_once_they_are_whole(tmp_path: Path) -> None:
    """A living worker's open attempts wait; a file with nothing left to store is deleted once the worker is gone."""
    outbox, reading = Outbox(tmp_path), Reading(tmp_path)
    first, second = outbox.new_id(), outbox.new_id()
    outbox.open(opened(first))
    outbox.open(opened(second))
    outbox.close(closed(first))
    outbox._flush()
    entries = reading.poll()
    assert [(one.opened.id, one.closed.cost_nano) for one in entries] == [(first, 500)]
    assert reading.poll() == []
    assert reading.settled == [first]
    outbox.end()
    (lost,) = reading.poll()
    assert (lost.opened.id, lost.closed.outcome, lost.closed.estimated) == (second, "lost", True)
    assert reading.ended == [outbox.series]
    assert files(tmp_path)
    reading.reader.stored([*entries, lost])
    assert not files(tmp_path)


async def test_a_second_reader_begins_at_the_beginning(tmp_path: Path) -> None:
    """What was not stored is told again, also by an earlier supervisor's workers."""
    outbox = Outbox(tmp_path)
    name = outbox.new_id()
    outbox.open(opened(name))
    outbox.close(closed(name))
    outbox.end()
    assert [one.opened.id for one in Reading(tmp_path).poll()] == [name]
    assert [one.opened.id for one in Reading(tmp_path).poll()] == [name]


async def test_files_are_changed_and_deleted_in_order(tmp_path: Path) -> None:
    """A file with an attempt under way stays, and so do those after it."""
    outbox, reading = Outbox(tmp_path, segment_bytes=600), Reading(tmp_path)
    waiting = outbox.new_id()
    outbox.open(opened(waiting))
    for _ in range(20):
        name = outbox.new_id()
        outbox.open(opened(name))
        outbox.close(closed(name))
    outbox._flush()
    entries = reading.poll()
    reading.reader.stored(entries)
    count = len(files(tmp_path))
    assert len(entries) == 20
    assert count > 3
    outbox.close(closed(waiting))
    outbox._flush()
    reading.reader.stored(reading.poll())
    assert len(files(tmp_path)) == 1


async def test_a_torn_end_is_a_lost_attempt_and_no_more(tmp_path: Path) -> None:
    """Killed in the middle of a write."""
    outbox, reading = Outbox(tmp_path), Reading(tmp_path)
    name = outbox.new_id()
    outbox.open(opened(name))
    outbox.close(closed(name))
    outbox.end()
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    assert reading.poll() == []  # a living worker might have been about to write the rest
    assert [one.closed.outcome for one in reading.poll()] == ["lost"]


def full(write: Callable[..., int], room: list[int]) -> Callable[..., int]:
    def limited(file: int, data: Any) -> int:
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(file, bytes(data)[: room[0]])
        room[0] -= done
        return done

    return limited


async def test_a_full_disk_refuses_new_attempts_and_keeps_old_endings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a record is taken back; endings are written once there is room again."""
    outbox, reading = Outbox(tmp_path), Reading(tmp_path)
    first, second = outbox.new_id(), outbox.new_id()
    outbox.open(opened(first))
    room = [10]
    monkeypatch.setattr(os, "write", full(os.write, room))
    with pytest.raises(LedgerFull):
        outbox.open(opened(second))
    assert outbox.full
    outbox.close(closed(first))
    room[0] = 1_000_000
    outbox._flush()
    assert not outbox.full
    assert [one.opened.id for one in reading.poll()] == [first]
    outbox.end()
    assert reading.poll() == []
