"""Watches an event stream that passes untouched: a byte search per chunk, decoding only where something stands."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import msgspec
from tollhouse.dataplane.engine.sse import BOM, MAX_REMAINDER, EventReader, EventTooLarge, ServerEvent
from tollhouse.dataplane.protocol import UsageReader
from tollhouse.dataplane.protocols._failures import INVALID_STREAM, stream_failure

_KEPT = 64 << 10
"""Bytes of the last chunk that are looked at once more when the stream ends without its end mark."""


class StreamWatcher(UsageReader):
    """The part of a usage reader that does not depend on the format. One per attempt; not safe to share.

    Chunks that end where an event ends are the common case and go through ``feed`` in about a microsecond. Of a chunk
    that cuts an event the tail is held until the event is whole: should the stream break there, the client has seen
    whole events only and can read the error that follows.
    """

    __slots__ = ("_last", "_tail", "hide")

    max_event = MAX_REMAINDER
    """Bytes of the largest event that is looked at; formats whose events may be larger say so."""

    def __init__(self, *, hide: bool) -> None:
        super().__init__()
        self.hide = hide
        self._tail = b""
        self._last = b""

    @abstractmethod
    def needs_look(self, data: bytes) -> bool:
        """Whether these bytes hold anything accounting must see. A byte search: may err towards True."""

    @abstractmethod
    def look(self, name: str, body: dict[str, Any]) -> bool:
        """Take in one event, by its name and its object; False when it must not reach the client."""

    def done(self) -> None:
        """OpenAI's end mark came, which compatible servers add to streams of other formats as well."""

    def reject(self, message: str) -> None:
        """What came is no stream of this format. The event that shows it is hidden, and all that follow."""
        self.failed = stream_failure(INVALID_STREAM, message)
        self.rejected = True

    def feed(self, data: bytes) -> bytes:
        """As the port says."""
        if self.rejected:
            return b""
        if not self._tail and data.endswith((b"\n\n", b"\r\n\r\n")):
            if self.has_content and not self.needs_look(data):
                self._last = data
                return data
            return self._inspect(data, data)
        return self._feed_cut(data)

    def close(self) -> bytes:
        """As the port says."""
        held, self._tail = self._tail, b""
        if held:
            return self._inspect(held, held, cut=True)
        if not self.ended and self._last:
            self._inspect(self._last[-_KEPT:] if len(self._last) > _KEPT else self._last, b"", cut=True)
        return b""

    def _feed_cut(self, data: bytes) -> bytes:
        """A chunk that begins or ends inside an event."""
        pending = self._tail + data if self._tail else data
        cut = max(pending.rfind(b"\n\n") + 2, pending.rfind(b"\r\n\r\n") + 4)
        if cut < 4:
            cut = 0 if not pending.startswith(b"\n\n") else 2
        whole, self._tail = pending[:cut], pending[cut:]
        passed = whole
        if whole:
            if self.has_content and not self.needs_look(whole):
                self._last = whole
            else:
                passed = self._inspect(whole, whole)
        if len(self._tail) > self.max_event:
            # Nothing we could read is that long: let it go, looked at no further.
            passed, self._tail = passed + self._tail, b""
        return passed

    def _inspect(self, whole: bytes, passed: bytes, *, cut: bool = False) -> bytes:
        """``cut``: the bytes may begin or end inside an event."""
        self._last = b""
        reader = EventReader(self.max_event)
        try:
            events = reader.feed(whole) + reader.close()
        except EventTooLarge:
            return passed
        shown = [self._see(event, cut=cut) for event in events]
        if all(shown) or not (self.hide or self.rejected):
            return passed
        return self._without(whole, shown)

    def _see(self, event: ServerEvent, *, cut: bool) -> bool:
        if self.rejected:
            return False
        if event.data == b"[DONE]":
            self.done()
            return not self.rejected
        try:
            body = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if not cut:
                self.reject(f"an event of the provider's stream is not JSON: {error}")
            return cut
        if not isinstance(body, dict):
            if not cut:
                self.reject("an event of the provider's stream is not an object")
            return cut
        return self.look(event.name, body)

    @staticmethod
    def _without(whole: bytes, shown: list[bool]) -> bytes:
        """The bytes of the events that may be seen. Pieces without data (comments) belong to no event and stay."""
        separator = b"\r\n\r\n" if b"\r\n\r\n" in whole else b"\n\n"
        kept: list[bytes] = []
        marks = iter(shown)
        for piece in whole.split(separator):
            has_data = any(line.startswith(b"data") for line in piece.removeprefix(BOM).split(b"\n"))
            if not has_data or next(marks, True):
                kept.append(piece)
        return separator.join(kept)
