"""Lines to log files: written in batches by one thread, dropped and counted when it falls behind."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

from tollhouse.dataplane.runtime.sinks.rotation import Rotation
from tollhouse.dataplane.services import LogFiles

log = logging.getLogger("tollhouse.log_files")

STDOUT = "-"
_PAUSE_S = 0.05
_LOOK_S = 1.0
_PIPE_WRITE = 4096
"""POSIX keeps writes up to this size (PIPE_BUF) in one piece when several processes share a pipe."""
_FILE_WRITE = 1 << 20


class BackgroundLogFiles(LogFiles):
    """All log files of one process. ``append`` belongs to the event loop's thread; ``close`` it at the end."""

    def __init__(
        self, dropped: Callable[[str], None], max_lines: int = 100_000, rotation: Rotation | None = None
    ) -> None:
        """``dropped`` is told the path of every line that found the backlog full."""
        self._dropped = dropped
        self._rotation = rotation
        self._max_lines = max_lines
        self._lines: deque[tuple[str, bytes]] = deque()
        self._files: dict[str, _File] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def append(self, path: str, line: bytes) -> bool:
        """See ``services.LogFiles``."""
        if len(self._lines) >= self._max_lines or self._stopping:
            self._dropped(path)
            return False
        self._lines.append((path, line))
        if not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="log-files", daemon=True)
            self._thread.start()
        return True

    def close(self, limit_s: float = 2.0) -> None:
        """Write what is still there; a disk or reader that does not take it is left after ``limit_s``."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(limit_s)

    def _write_all(self) -> None:
        while not (self._stopping and not self._lines):
            self._wake.wait()
            self._wake.clear()
            self._write_some()
            if not self._stopping:
                time.sleep(_PAUSE_S)  # lines of a busy moment share one write
        for file in self._files.values():
            file.close()

    def _write_some(self) -> None:
        take = self._lines.popleft
        batches: dict[str, list[bytes]] = defaultdict(list)
        for path, line in [take() for _ in range(len(self._lines))]:
            batches[path].append(line)
        for path, lines in batches.items():
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = _File(path, self._rotation)
            try:
                file.write(lines)
            except (OSError, ValueError) as error:  # ValueError: a path no file system has
                for _ in lines:
                    self._dropped(path)
                file.complain(error)


class _File:
    """One open file; follows its name when it is rotated away."""

    def __init__(self, path: str, rotation: Rotation | None) -> None:
        self._path = path
        self._rotation = rotation
        self._fd = -1
        self._limit = _FILE_WRITE
        self._looked_s = 0.0
        self._complained_s = float("-inf")

    def write(self, lines: list[bytes]) -> None:
        """Append the lines, each in one piece. Raises OSError."""
        self._open()
        if self._limit == _FILE_WRITE:
            self._put(b"\n".join(lines) + b"\n")
            return
        piece = b""
        for line in lines:
            if piece and len(piece) + len(line) >= self._limit:
                self._put(piece)
                piece = b""
            piece += line + b"\n"
        self._put(piece)

    def _put(self, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            view = view[os.write(self._fd, view) :]

    def _open(self) -> None:
        now_s = time.monotonic()
        if self._fd >= 0 and (self._path == STDOUT or now_s - self._looked_s < _LOOK_S):
            return
        self._looked_s = now_s
        self._turn()
        if self._fd >= 0 and self._same_file():
            return
        self.close()
        if self._path == STDOUT:
            self._fd = sys.stdout.fileno()
        else:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._limit = _FILE_WRITE if stat.S_ISREG(os.fstat(self._fd).st_mode) else _PIPE_WRITE

    def _turn(self) -> None:
        """Let the file make room, where it has to."""
        if self._rotation is None or self._path == STDOUT:
            return
        with contextlib.suppress(FileNotFoundError):
            if self._rotation.due(self._path, os.stat(self._path), time.time()):
                self._rotation.turn(self._path)

    def _same_file(self) -> bool:
        try:
            there, ours = os.stat(self._path), os.fstat(self._fd)
        except FileNotFoundError:
            return False
        return (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)

    def complain(self, error: Exception) -> None:
        """Say that nothing could be written, not more often than every half minute."""
        self.close()
        if time.monotonic() - self._complained_s > 30:
            self._complained_s = time.monotonic()
            log.error("log file cannot be written: %s", error, extra={"path": self._path})

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._fd >= 0 and self._path != STDOUT:
            os.close(self._fd)
        self._fd = -1
