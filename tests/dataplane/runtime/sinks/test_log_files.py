"""Log files: whole lines, in order, through rotation and full disks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tollhouse.dataplane.runtime.sinks import log_files
from tollhouse.dataplane.runtime.sinks.log_files import BackgroundLogFiles


@pytest.fixture
def dropped() -> list[str]:
    return []


@pytest.fixture
def files(dropped: list[str]) -> Iterator[BackgroundLogFiles]:
    files = BackgroundLogFiles(dropped.append)
    yield files
    files.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_arrive_in_order(files: BackgroundLogFiles, tmp_path: Path) -> None:
    """Everything handed over before the end is written, to each file its own."""
    for number in range(2000):
        assert files.append(str(tmp_path / f"{number % 2}.log"), b"%d" % number)
    files.close()
    for parity in (0, 1):
        lines = (tmp_path / f"{parity}.log").read_text().splitlines()
        assert lines == [str(number) for number in range(parity, 2000, 2)]


def test_existing_lines_stay(files: BackgroundLogFiles, tmp_path: Path) -> None:
    """A restart appends."""
    path = tmp_path / "a.log"
    path.write_text("before\n")
    files.append(str(path), b"after")
    files.close()
    assert path.read_text() == "before\nafter\n"


def test_a_rotated_file_is_opened_anew(
    files: BackgroundLogFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the file was renamed, lines go to a new one of the old name."""
    monkeypatch.setattr(log_files, "_LOOK_S", 0.0)
    path, rotated = tmp_path / "a.log", tmp_path / "a.log.1"
    files.append(str(path), b"1")
    until(lambda: path.exists() and path.read_text() == "1\n")
    path.rename(rotated)
    files.append(str(path), b"2")
    until(lambda: path.exists() and path.read_text() == "2\n")
    assert rotated.read_text() == "1\n"


def test_a_file_that_cannot_be_written(files: BackgroundLogFiles, dropped: list[str], tmp_path: Path) -> None:
    """Its lines are counted as dropped; other files and later lines are fine."""
    missing = tmp_path / "none" / "a.log"
    files.append(str(missing), b"1")
    files.append(str(tmp_path / "b.log"), b"1")
    until(lambda: dropped == [str(missing)])
    missing.parent.mkdir()
    files.append(str(missing), b"2")
    until(lambda: missing.exists() and missing.read_text() == "2\n")


def test_a_path_no_file_system_has(files: BackgroundLogFiles, dropped: list[str], tmp_path: Path) -> None:
    """A path with a NUL costs its own lines only."""
    path = tmp_path / "a.log"
    files.append("no\0where", b"lost")
    until(lambda: dropped == ["no\0where"])
    files.append(str(path), b"kept")
    until(lambda: path.exists() and path.read_bytes() == b"kept\n")


def test_a_reader_that_does_not_read(dropped: list[str], tmp_path: Path) -> None:
    """A full pipe holds up the writer, not the one who logs: the backlog is bounded and the rest dropped."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    files = BackgroundLogFiles(dropped.append, max_lines=1000)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        for _ in range(5000):
            files.append(str(path), b"x" * 1000)
        assert len(dropped) > 1000
        got = bytearray()

        def read() -> None:
            while got.count(b"\n") + len(dropped) < 5000:
                try:
                    got.extend(os.read(reader, 1 << 16))
                except BlockingIOError:
                    time.sleep(0.001)

        thread = threading.Thread(target=read)
        thread.start()
        thread.join(20)
        assert got.count(b"\n") + len(dropped) == 5000
        assert set(bytes(got).splitlines()) == {b"x" * 1000}
    finally:
        files.close()
        os.close(reader)


def test_standard_output() -> None:
    """``-`` is standard output, which stays open."""
    script = (
        "from tollhouse.dataplane.runtime.sinks.log_files import BackgroundLogFiles\n"
        "files = BackgroundLogFiles(print)\n"
        "files.append('-', b'line')\nfiles.close()\nprint('still open')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout == "line\nstill open\n", done.stderr
