"""The log files a configuration may name: who may write routes shall not write into what the node itself keeps."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from tollhouse.dataplane.services import LogFiles
from tollhouse.proto.own_settings import LOG_FOLDERS, may_write_file

log = logging.getLogger("tollhouse.log_files")

_MOST = 1024
"""Paths that are remembered; more are looked at each time."""
_OUTPUTS = ("-", "/dev/null", "/dev/stdout", "/dev/stderr")


class ConfinedLogFiles(LogFiles):
    """Lines for files outside of the node's state folder and the system's, or in the operator's log folders alone.
    Other lines are dropped, which is told once a path. One per process."""

    def __init__(self, files: LogFiles, state_dir: str) -> None:
        self._files = files
        self._state = Path(os.path.realpath(state_dir))
        self._known: dict[str, bool] = {}

    def append(self, path: str, line: bytes) -> bool:
        """See the port."""
        may = self._known.get(path)
        if may is None:
            may = self._may(path)
            if len(self._known) < _MOST:
                self._known[path] = may
        return may and self._files.append(path, line)

    def _may(self, path: str) -> bool:
        if path in _OUTPUTS:
            return True
        try:
            real = Path(os.path.realpath(path))
        except (OSError, ValueError):
            return False
        if not real.is_relative_to(self._state) and may_write_file(str(real)):
            return True
        log.error(
            "a configuration names a log file where none may be: the node's own, the system's, or outside of %s",
            LOG_FOLDERS,
            extra={"path": path},
        )
        return False
