"""Reads the outboxes of all workers, living and dead, and makes entries of what is in them: one per attempt."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from tollhouse.dataplane.runtime.frames import Damaged, read_frames
from tollhouse.dataplane.spending import Closed, Opened

log = logging.getLogger("tollhouse.outbox")

MOST_WAITING = 20_000
"""Entries in memory that are not shipped yet; the rest waits in the files."""
READ_BYTES = 4 << 20

_DECODER = msgspec.msgpack.Decoder(Opened | Closed)


@dataclass(slots=True)
class Segment:
    """One file."""

    number: int
    path: Path
    offset: int = 0
    references: int = 0
    """Attempts that began or ended here and are not known to be stored elsewhere."""


@dataclass(slots=True)
class Entry:
    """One attempt from beginning to end."""

    opened: Opened
    closed: Closed
    segments: tuple[Segment, ...]


@dataclass(slots=True)
class Series:
    """The files of one worker."""

    name: str
    segments: list[Segment] = field(default_factory=list)
    opened: dict[str, tuple[Opened, Segment]] = field(default_factory=dict)
    dead: bool = False
    """Its worker is gone: nothing more will come."""
    finished: bool = False
    """Dead, and read to the end."""


class OutboxReader:
    """One per node, in the supervisor. ``poll`` reads on; entries gather in ``waiting``; ``stored`` lets go of them."""

    def __init__(
        self,
        folder: Path,
        settle: Callable[[Opened, Closed], None],
        ended: Callable[[str], None],
        is_open: Callable[[str], bool] = lambda reservation: False,
    ) -> None:
        self._folder = folder
        self._settle = settle
        """Called with every ending that is read: the worker may not have lived to tell it itself."""
        self._is_open = is_open
        """Whether a reservation is not settled yet: until then the records that say what it came to are kept."""
        self._ended = ended
        """Called with the name of a series once its worker is gone and all of it is read."""
        self.series: dict[str, Series] = {}
        self.waiting: deque[Entry] = deque()
        self._kept: list[Entry] = []
        self.lost = 0
        """Attempts of which nobody knows how they ended."""

    def poll(self, *, look_for_dead: bool = False) -> None:
        """Read what is new. ``look_for_dead``: also find out whose worker is gone."""
        self._find()
        if self._kept:
            self._let_go()
        for one in list(self.series.values()):
            if look_for_dead and not one.dead and one.segments:
                last = one.segments[-1]
                if not _locked(last.path):
                    self._find()  # a living worker locks its next file before it lets go of the last
                    one.dead = one.segments[-1] is last
            self._read(one)
            self._clear(one)

    def _find(self) -> None:
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.log")):
            name, _, number = path.name.removesuffix(".log").rpartition(".")
            one = self.series.get(name)
            if one is None:
                one = self.series[name] = Series(name)
            if not any(segment.path == path for segment in one.segments) and not one.finished:
                one.segments.append(Segment(int(number), path))

    def _read(self, one: Series) -> None:
        whole = True
        for segment in one.segments:
            if len(self.waiting) >= MOST_WAITING:
                return
            whole = self._read_segment(one, segment) and whole
        if one.dead and whole and not one.finished:
            self._finish(one)

    def _read_segment(self, one: Series, segment: Segment) -> bool:
        """Whether it was read to its present end."""
        try:
            with segment.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size <= segment.offset:
                    return True
                file.seek(segment.offset)
                data = file.read(READ_BYTES)
        except OSError as error:
            log.error("outbox not read: %s", error)
            return False
        at = 0
        try:
            for payload, end in read_frames(data):
                self._take(one, segment, _DECODER.decode(payload))
                at = end
        except (Damaged, msgspec.DecodeError) as error:
            kept = segment.path.with_suffix(".damaged")
            log.error("outbox is damaged, the rest of the file is left out: %s", error, extra={"file": str(kept)})
            with contextlib.suppress(OSError):
                kept.write_bytes(data[at:])
            segment.offset = size
            return True
        segment.offset += at
        last = segment.offset >= size or at == 0
        return last if one.dead else segment.offset >= size

    def _take(self, one: Series, segment: Segment, record: Opened | Closed) -> None:
        segment.references += 1
        if isinstance(record, Opened):
            one.opened[record.id] = (record, segment)
            return
        begun = one.opened.pop(record.id, None)
        if begun is None:
            segment.references -= 1  # its beginning was in a file that was damaged
            return
        self._settle(begun[0], record)
        self.waiting.append(Entry(begun[0], record, (begun[1], segment)))

    def _finish(self, one: Series) -> None:
        one.finished = True
        for record, segment in one.opened.values():
            self.lost += 1
            closed = lost(record)
            self._settle(record, closed)
            self.waiting.append(Entry(record, closed, (segment,)))
        one.opened.clear()
        self._ended(one.name)

    def stored(self, entries: list[Entry]) -> None:
        """They are safe elsewhere. Their files stay until what they were reserved by is settled."""
        self._kept += entries
        self._let_go()
        for one in list(self.series.values()):
            self._clear(one)

    def _let_go(self) -> None:
        kept = []
        for entry in self._kept:
            if self._is_open(entry.opened.reservation or entry.opened.id):
                kept.append(entry)
                continue
            for segment in entry.segments:
                segment.references -= 1
        self._kept = kept

    def _clear(self, one: Series) -> None:
        """Delete files that hold nothing any more, the oldest first."""
        while one.segments:
            first = one.segments[0]
            if first.references or (len(one.segments) == 1 and not one.finished):
                return
            if not one.finished and first.offset < first.path.stat().st_size:
                return
            with contextlib.suppress(FileNotFoundError):
                first.path.unlink()
            one.segments.pop(0)
        if one.finished:
            del self.series[one.name]


def lost(record: Opened) -> Closed:
    """The ending of an attempt nothing more was heard of, because its worker was killed: an estimate."""
    return Closed(
        record.id,
        record.at_ms,
        "lost",
        0,
        0,
        record.lost_nano,
        estimated=True,
        input_tokens=record.lost_tokens[0],
        output_tokens=record.lost_tokens[1],
        outcomes=record.lost,
    )


def _locked(path: Path) -> bool:
    """Whether a living worker holds the file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
