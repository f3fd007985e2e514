"""What a configuration may have written to."""

from __future__ import annotations

from pathlib import Path

import pytest
from tollhouse.dataplane.runtime.sinks.confined_files import ConfinedLogFiles
from tollhouse.dataplane.services import LogFiles


class Kept(LogFiles):
    """Keeps the paths."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def append(self, path: str, line: bytes) -> bool:
        self.paths.append(path)
        return True


def test_a_nodes_own_files_are_not_written_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its audit trail, its ledger, its cache of secrets: by no way that leads there; told once."""
    state, logs, kept = tmp_path / "state", tmp_path / "logs", Kept()
    (state / "audit").mkdir(parents=True)
    logs.mkdir()
    (logs / "link").symlink_to(state / "audit" / "worker-0.jsonl")
    (logs / "folder").symlink_to(state)
    files = ConfinedLogFiles(kept, str(state))
    for own in (
        state / "audit" / "worker-0.jsonl",
        logs / ".." / "state" / "secrets.cache",
        logs / "link",
        logs / "folder" / "new",
        Path("/proc/self/mem"),
        Path("/dev/sda"),
    ):
        assert not files.append(str(own), b"x")
        assert not files.append(str(own), b"x")
    assert not files.append("a\0b", b"x")
    assert kept.paths == []
    assert len([one for one in caplog.records if "where none may be" in one.message]) == 6
    for fine in ("-", "/dev/null", str(logs / "a.log"), "relative.log"):
        assert files.append(fine, b"x")


def test_an_operator_narrows_it_to_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the environment of the node."""
    monkeypatch.setenv("TOLLHOUSE_LOG_FOLDERS", str(tmp_path / "logs"))
    files = ConfinedLogFiles(Kept(), str(tmp_path / "state"))
    assert files.append(str(tmp_path / "logs" / "a.log"), b"x")
    assert not files.append(str(tmp_path / "home" / ".profile"), b"x")
