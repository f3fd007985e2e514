"""Writes every reservation and settlement of a node down before it is answered, so that counts outlive the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
from tollhouse.dataplane.engine.reservations import Bucket, Reservations
from tollhouse.dataplane.runtime.frames import Damaged, frame, read_frames
from tollhouse.dataplane.spending import Claim, Outcome

log = logging.getLogger("tollhouse.budgets")

LARGEST_BYTES = 16 << 20
"""Beyond this, and twice the size it began with, the journal is written anew: totals only."""


class Total(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """What one bucket of one key says at least: when the journal was written anew, or by the ledger."""

    key: str
    bucket: int
    spent: int
    doubt: int
    expires: int


class Held(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """A reservation was made."""

    reservation: str
    claims: tuple[Claim, ...]


class Settled(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A reservation came to this."""

    reservation: str
    outcomes: tuple[Outcome, ...]
    at: int = 0
    """Epoch seconds."""


class Once(msgspec.Struct, frozen=True, array_like=True, tag="1"):
    """An answer that a provider keeps was charged."""

    answer: str
    at: int
    """Epoch seconds."""


Entry = Total | Held | Settled | Once
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Entry)


class BudgetJournal:
    """One file. Entries of one turn of the loop leave in one write, before the answers of that turn do."""

    def __init__(self, path: Path, reservations: Reservations) -> None:
        self._path = path
        self._reservations = reservations
        self._pending: list[bytes] = []
        self._file = -1
        self._size = 0
        self._anew_at = LARGEST_BYTES
        self._later: Callable[[Callable[[], None]], object] | None = None
        self.settled: list[tuple[Settled, tuple[Claim, ...]]] = []
        """Settlements that were read, for whoever must do them again."""
        self.once: dict[str, int] = {}
        """Answers that were charged -> when; whoever changes it appends an entry."""
        self.found = False
        """There was a journal."""
        self.life = ""
        """A name, from one loss of the journal to the next."""
        self.broken = ""
        """Why nothing can be written; empty while all is well."""

    def open(self) -> None:
        """Read what was written earlier into the reservations, and begin a file that holds just that. Raises OSError
        when the folder cannot be written."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            self.found = self._read(self._path.read_bytes())
        self._live()
        self._begin()
        self._later = asyncio.get_running_loop().call_soon

    def _live(self) -> None:
        path = self._path.with_suffix(".life")
        if not self.found or not path.exists():
            path.write_text(secrets.token_hex(8))
        self.life = path.read_text()

    def _read(self, data: bytes) -> bool:
        counts = self._reservations
        try:
            for payload, _ in read_frames(data):
                entry = _DECODER.decode(payload)
                if isinstance(entry, Held):
                    counts.hold(entry.reservation, entry.claims)
                elif isinstance(entry, Settled):
                    self.settled.append((entry, counts.open.get(entry.reservation, ())))
                    counts.settle(entry.reservation, entry.outcomes)
                elif isinstance(entry, Once):
                    self.once[entry.answer] = entry.at
                else:
                    counts.raise_to(entry.key, entry.bucket, Bucket(entry.spent, 0, entry.doubt, entry.expires))
        except (Damaged, msgspec.DecodeError) as error:
            damaged = self._path.with_suffix(".damaged")
            damaged.write_bytes(data)
            log.error("budget journal is damaged, what came before is kept: %s; the file is %s", error, damaged)
            return False
        return True

    def _begin(self) -> None:
        """A new file: totals, then the open reservations."""
        counts = self._reservations
        entries: list[Entry] = [
            Total(key, start, bucket.spent, bucket.doubt, bucket.expires)
            for key, start, bucket in counts
            if bucket.spent or bucket.doubt
        ]
        entries += [Held(name, claims) for name, claims in counts.open.items()]
        entries += [Once(answer, at) for answer, at in self.once.items()]
        data = b"".join(frame(_ENCODER.encode(entry)) for entry in entries)
        fresh = self._path.with_suffix(".new")
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            _write_all(file, data)
            os.fsync(file)
            fresh.replace(self._path)
        except OSError:
            os.close(file)
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size = file, len(data)
        self._anew_at = max(LARGEST_BYTES, 2 * self._size)

    def append(self, entry: Entry) -> None:
        """Write it with the others of this turn."""
        if not self._pending and self._later is not None:
            self._later(self.flush)
        self._pending.append(frame(_ENCODER.encode(entry)))

    def flush(self) -> None:
        """Write what is pending. A disk that is full is tried again with the next entry; until then ``broken``."""
        if not self._pending or self._file < 0:
            return
        data = b"".join(self._pending)
        try:
            if self._size + len(data) > self._anew_at:
                self._pending.clear()
                self._begin()  # the totals hold what was pending
            else:
                _write_all(self._file, data, self._size)
                self._size += len(data)
                self._pending.clear()
            self.broken = ""
        except OSError as error:
            if not self.broken:
                log.error("budget journal cannot be written: %s", error)
            self.broken = f"the budget journal cannot be written: {error.strerror}"
            if not self._pending:
                self._pending.append(data)

    def close(self) -> None:
        """Write the rest, to the disk itself."""
        self.flush()
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._file)
            os.close(self._file)
            self._file = -1


def _write_all(file: int, data: bytes, size: int | None = None) -> None:
    """All of it or, as far as the disk allows, nothing. Raises OSError."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError:
        if size is not None and len(view) != len(data):
            os.ftruncate(file, size)
        raise
