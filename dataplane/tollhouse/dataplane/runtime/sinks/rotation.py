"""Log files that grew too long, or belong to a time that is over, make room: ``file``, ``file.1``, ``file.2.gz``."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

SETTLED_S = 5.0
"""Another worker may go on writing to a file for a moment after it was renamed; then it is left alone."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file makes room, and how many older ones are kept. Without a size and a time none does."""

    max_bytes: int = 0
    every_s: int = 0
    """Files begin anew at whole multiples of this in UTC: 3600 is every hour, 86400 every midnight."""
    keep: int = 7
    spared: str = ""
    """A folder whose files never make room: nothing of an audit trail is deleted."""

    def due(self, path: str, found: os.stat_result, now_s: float) -> bool:
        """Whether a file makes room before the next line. Pipes and empty files do not."""
        if not found.st_size or not stat.S_ISREG(found.st_mode) or (self.spared and path.startswith(self.spared)):
            return False
        over = bool(self.every_s) and int(found.st_mtime) // self.every_s != int(now_s) // self.every_s
        return over or (bool(self.max_bytes) and found.st_size >= self.max_bytes)

    def turn(self, path: str) -> None:
        """Make room, unless another worker has or does. Raises OSError."""
        with _alone(os.path.dirname(path) or ".") as alone:
            if not alone or not self.due(path, os.stat(path), time.time()):
                return
            for number in range(self.keep, 0, -1):
                _move(path, number, self.keep)
            if self.keep:
                os.rename(path, f"{path}.1")
            else:
                os.unlink(path)
        threading.Thread(target=self._pack, args=(path,), name="pack logs", daemon=True).start()

    def _pack(self, path: str) -> None:
        for number in range(2, self.keep + 1):
            with contextlib.suppress(OSError):  # a full disk, or somebody who took it away: it stays as it is
                _pack(f"{path}.{number}")


def _move(path: str, number: int, keep: int) -> None:
    for ending in ("", ".gz"):
        older = f"{path}.{number}{ending}"
        with contextlib.suppress(FileNotFoundError):
            if number >= keep:
                os.unlink(older)
            else:
                os.rename(older, f"{path}.{number + 1}{ending}")


def _pack(path: str) -> None:
    found = os.stat(path)
    if found.st_mtime > time.time() - SETTLED_S:
        return  # the next turn packs it
    packed = f"{path}.gz.part"
    with open(path, "rb") as plain, gzip.open(packed, "wb", 6) as out:
        shutil.copyfileobj(plain, out, 1 << 20)
    os.chmod(packed, stat.S_IMODE(found.st_mode))
    os.utime(packed, (found.st_atime, found.st_mtime))
    os.rename(packed, f"{path}.gz")
    os.unlink(path)


@contextlib.contextmanager
def _alone(folder: str) -> Iterator[bool]:
    """Whether this worker is the one that turns files of a folder now."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
