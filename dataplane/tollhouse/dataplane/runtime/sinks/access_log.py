"""The access log: one JSON line per finished exchange."""

from __future__ import annotations

from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.records.log_entry import access_entry, encode_entry
from tollhouse.dataplane.services import Clock, LogFiles


class AccessLog:
    """Writes to one file, or standard output (``-``). Put ``record`` among the gateway's recorders."""

    def __init__(self, path: str, files: LogFiles, clock: Clock) -> None:
        self._path = path
        self._files = files
        self._clock = clock

    def record(self, ex: Exchange) -> None:
        """Log a finished exchange; never waits."""
        self._files.append(self._path, encode_entry(access_entry(ex, self._clock.monotonic())))
