"""A worker's log of attempts: each is in a file before it is made, and so is how it ended. Files are append-only and
belong to one worker; the supervisor reads them, ships what is in them, and deletes them.

What was written survives the death of the process at once, and that of the machine after ``SYNC_S``. A file is locked
while its worker lives: that is how others know whether more will come.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
import time
from pathlib import Path

import msgspec
from tollhouse.dataplane.runtime.frames import frame
from tollhouse.dataplane.spending import AttemptLog, Closed, LedgerFull, Opened

log = logging.getLogger("tollhouse.outbox")

SEGMENT_BYTES = 8 << 20
SYNC_S = 0.2
RETRY_S = 1.0

_ENCODER = msgspec.msgpack.Encoder()


def segment_name(series: str, number: int) -> str:
    """Name of the file with this number in a worker's series."""
    return f"{series}.{number:06d}.log"


class Outbox(AttemptLog):
    """One per worker."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES, *, shipped: bool = True) -> None:
        self.shipped = shipped
        self._folder = folder
        self._segment_bytes = segment_bytes
        self.series = f"{time.time_ns():x}-{secrets.token_hex(4)}"
        self._count = 0
        self._number = 0
        self._file = -1
        self._size = 0
        self._pending: list[bytes] = []
        self._flushing = False
        self._dirty = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.full = False
        """The disk took no more the last time."""
        folder.mkdir(parents=True, exist_ok=True)
        self._begin()

    def new_id(self) -> str:
        """See the port."""
        self._count += 1
        return f"{self.series}-{self._count:x}"

    def open(self, record: Opened) -> None:
        """See the port."""
        try:
            self._write(frame(_ENCODER.encode(record)))
        except OSError as error:
            raise LedgerFull(str(error)) from error

    def close(self, record: Closed) -> None:
        """See the port. Written at the end of this turn of the loop, or with the next attempt."""
        self._pending.append(frame(_ENCODER.encode(record)))
        if not self._flushing:
            self._flushing = True
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self._flush)

    # -- writing

    def _flush(self) -> None:
        self._flushing = False
        if not self._pending or self._file < 0:
            return
        try:
            self._write(b"")
        except OSError:
            # Kept and tried again; no new attempts are made meanwhile, so this does not grow.
            self._flushing = True
            assert self._loop is not None
            self._loop.call_later(RETRY_S, self._flush)

    def _write(self, data: bytes) -> None:
        """What is pending, then ``data``: all of it, or as if nothing. Raises OSError."""
        whole = b"".join([*self._pending, data]) if self._pending else data
        try:
            if self._size + len(whole) > self._segment_bytes and self._size:
                self._begin()
            view = memoryview(whole)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            if not self.full:
                self.full = True
                log.error("attempts cannot be written down, requests that cost are refused: %s", error)
            os.ftruncate(self._file, self._size)
            raise
        self.full = False
        self._size += len(whole)
        self._pending.clear()
        self._dirty = True

    def _begin(self) -> None:
        """The next file: locked before anybody sees it. Raises OSError."""
        self._number += 1
        path = self._folder / segment_name(self.series, self._number)
        fresh = path.with_suffix(".new")
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(fresh, path)
        except OSError:
            os.close(file)
            self._number -= 1
            raise
        old, self._file, self._size = self._file, file, 0
        if old >= 0:
            os.close(old)

    async def keep(self) -> None:
        """Bring what was written to the disk itself, now and then, in another thread; run it as a task."""
        while True:
            await asyncio.sleep(SYNC_S)
            if self._dirty and self._file >= 0:
                self._dirty = False
                copy = os.dup(self._file)  # the file may be changed meanwhile
                try:
                    await asyncio.to_thread(os.fdatasync, copy)
                except OSError as error:
                    log.error("attempts do not reach the disk: %s", error)
                finally:
                    os.close(copy)

    def end(self) -> None:
        """Write the rest and unlock: nothing more will come."""
        self._flush()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
