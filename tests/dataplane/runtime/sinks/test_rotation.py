"""Log files make room: by size and by time, the newest older one plain, the others packed, the oldest deleted."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

from tollhouse.dataplane.runtime.sinks import log_files
from tollhouse.dataplane.runtime.sinks.log_files import BackgroundLogFiles
from tollhouse.dataplane.runtime.sinks.rotation import Rotation


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def aged(path: Path, text: str, seconds: float) -> Path:
    path.write_text(text)
    os.utime(path, (time.time() - seconds, time.time() - seconds))
    return path


def test_older_files_move_on_and_are_packed(tmp_path: Path) -> None:
    """Three are kept: what was the third is gone."""
    log = aged(tmp_path / "access.log", "now\n", 0)
    for number, text in ((1, "one\n"), (2, "two\n"), (3, "three\n")):
        aged(tmp_path / f"access.log.{number}", text, 60 * number)
    Rotation(max_bytes=1, keep=3).turn(str(log))
    assert not log.exists()
    assert (tmp_path / "access.log.1").read_text() == "now\n"
    until(lambda: sorted(one.name for one in tmp_path.iterdir())[1:] == ["access.log.2.gz", "access.log.3.gz"])
    assert gzip.decompress((tmp_path / "access.log.2.gz").read_bytes()) == b"one\n"
    assert gzip.decompress((tmp_path / "access.log.3.gz").read_bytes()) == b"two\n"


def test_when_a_file_is_due(tmp_path: Path) -> None:
    """By its size, or when its last line belongs to an hour that is over; never an audit trail, never an empty one."""
    now = 1_800_000_000.0 + 1800
    full, empty = os.stat(aged(tmp_path / "full", "x" * 100, 0)), os.stat(aged(tmp_path / "empty", "", 0))
    by_size, by_hour = Rotation(max_bytes=100, spared="/state/audit"), Rotation(every_s=3600)
    assert by_size.due("/logs/a", full, now)
    assert not by_size.due("/state/audit/worker-0.jsonl", full, now)
    assert not by_size.due("/logs/a", empty, now)
    assert not Rotation().due("/logs/a", full, now)
    for written, due in ((now - 60, False), (now - 1900, True)):
        os.utime(tmp_path / "full", (written, written))
        assert by_hour.due("/logs/a", os.stat(tmp_path / "full"), now) is due


def write(path: str, name: str, lines: int) -> None:
    log_files._LOOK_S = 0.0
    files = BackgroundLogFiles(lambda _: None, rotation=Rotation(max_bytes=20_000, keep=50))
    for number in range(lines):
        files.append(path, f"{name}-{number}".encode())
        if number % 100 == 0:
            time.sleep(0.002)
    files.close(10)


def test_several_workers_lose_no_line(tmp_path: Path) -> None:
    """Two processes write one file and turn it again and again: every line is in one of the files, once."""
    path = str(tmp_path / "access.log")
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=write, args=(path, name, 6000)) for name in ("a", "b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    found: list[str] = []
    for one in tmp_path.iterdir():
        data = gzip.decompress(one.read_bytes()) if one.suffix == ".gz" else one.read_bytes()
        found += data.decode().split()
    assert sorted(found) == sorted(f"{name}-{number}" for name in ("a", "b") for number in range(6000))
    assert len(list(tmp_path.iterdir())) > 2
