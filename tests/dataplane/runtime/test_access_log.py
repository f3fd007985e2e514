"""The access log."""

from __future__ import annotations

import json
from pathlib import Path

from tollhouse.dataplane.runtime.access_log import AccessLog
from tollhouse.dataplane.runtime.log_files import BackgroundLogFiles

from tests.support.exchanges import finished_chat
from tests.support.services import StillClock


async def test_one_line_per_exchange(tmp_path: Path) -> None:
    """Each finished exchange is one JSON object on a line of its own."""
    path = tmp_path / "access.log"
    files = BackgroundLogFiles(print)
    access_log = AccessLog(str(path), files, StillClock())
    for _ in range(3):
        access_log.record(await finished_chat())
    files.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 3
    assert lines[0]["target"] == "gpt"
