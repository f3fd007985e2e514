"""Server-sent events: bytes in, cut anywhere, events out; and events to bytes.

Lines end at CR, LF or CRLF only: U+2028 and the other separators ``str.splitlines`` knows are legal inside JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_REMAINDER = 16 << 20
"""Bytes one line, or the data of one event, may have: what a reader keeps for a peer that never ends one. Pictures and
fetched files come inside one event."""

BOM = b"\xef\xbb\xbf"


class EventTooLarge(ValueError):
    """A line or an event grew past the bound."""


@dataclass(slots=True)
class ServerEvent:
    """One event: its name (empty when none was given) and its data, lines joined by LF."""

    name: str
    data: bytes


class EventReader:
    """Reads one stream incrementally. Not safe to share; after EventTooLarge it is of no further use."""

    __slots__ = ("_after_cr", "_data", "_limit", "_name", "_pieces", "_size", "_started")

    def __init__(self, limit: int = MAX_REMAINDER) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._started = False
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events these bytes complete. Raises EventTooLarge."""
        if not data:
            return []
        if self._after_cr and data[0] == 0x0A:
            data = data[1:]
            self._after_cr = False
            if not data:
                return []
        self._after_cr = data[-1] == 0x0D
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in data:
            self._keep(data)
            return []
        if self._pieces:
            self._pieces.append(data)
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
        lines = data.split(b"\n")
        rest = lines.pop()
        events: list[ServerEvent] = []
        for line in lines:
            self._line(line, events)
        if rest:
            self._keep(rest)
        return events

    def close(self) -> list[ServerEvent]:
        """The event left without its empty line: servers forget it after the last one."""
        events: list[ServerEvent] = []
        if self._pieces:
            line = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._line(line, events)
        self._line(b"", events)
        return events

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise EventTooLarge(f"a line of the event stream is longer than {self._limit} bytes")
        self._pieces.append(data)

    def _line(self, line: bytes, events: list[ServerEvent]) -> None:
        if len(line) > self._limit:
            raise EventTooLarge(f"a line of the event stream is longer than {self._limit} bytes")
        if not self._started:
            self._started = True
            line = line.removeprefix(BOM)
        if not line:
            if self._data:
                events.append(ServerEvent(self._name, b"\n".join(self._data) if len(self._data) > 1 else self._data[0]))
                self._data = []
            self._name = ""
            return
        field, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if field == b"data":
            self._data.append(value)
            if len(self._data) > 1 and sum(map(len, self._data)) > self._limit:
                raise EventTooLarge(f"an event of the stream is longer than {self._limit} bytes")
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")


def write_event(data: bytes, name: str = "") -> bytes:
    """One event. ``data`` is JSON on one line, or any bytes: line ends in it become lines of the event."""
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    if name:
        return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"


def write_comment(text: str = "") -> bytes:
    """A comment, which clients skip: keeps an idle connection alive."""
    return b": " + text.replace("\n", " ").replace("\r", " ").encode() + b"\n\n"
