"""The part of a stream's decoder that does not depend on the format: frames in, cut anywhere, events out."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol, TypeVar

import msgspec
from tollhouse.dataplane.chat import Ended, Event, Failed
from tollhouse.dataplane.engine.sse import MAX_REMAINDER, EventReader, ServerEvent
from tollhouse.dataplane.protocol import StreamDecoder
from tollhouse.dataplane.protocols._failures import INVALID_STREAM

Frame = TypeVar("Frame")


class FrameReader(Protocol[Frame]):
    """Cuts bytes into frames. Raises ValueError where there are none."""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames these bytes complete."""

    def close(self) -> list[Frame]:
        """The frame the end of the stream completes, if it does."""


class FrameDecoder(StreamDecoder):
    """Decodes a stream of frames that hold JSON objects. After its end mark or a failure nothing is read any more."""

    def __init__(self, reader: FrameReader[Any]) -> None:
        self._reader = reader
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """As the port says."""
        events: list[Event] = []
        if self._over:
            return events
        try:
            for frame in self._reader.feed(data):
                if self._over:
                    break
                self._take(frame, events, closing=False)
        except ValueError as error:
            self._fail(events, INVALID_STREAM, str(error))
        return events

    def close(self) -> list[Event]:
        """As the port says."""
        events: list[Event] = []
        if self._over:
            return events
        try:
            for frame in self._reader.close():
                self._take(frame, events, closing=True)
        except ValueError:
            return events
        if not self._over and self._is_whole(events):
            self._conclude(events)
        return events

    @abstractmethod
    def _take(self, frame: Any, events: list[Event], *, closing: bool) -> None:
        """Decode one frame. ``closing``: it may have been cut."""

    def _is_whole(self, events: list[Event]) -> bool:
        """Whether an answer that came to its end without its end mark is whole; adds the events still missing."""
        return False

    def _conclude(self, events: list[Event]) -> None:
        self._over = True
        events.append(Ended())

    def _fail(self, events: list[Event], type_: str, message: str, status: int = 0) -> None:
        self._over = True
        events.append(Failed(type_, message, status))

    def _object(self, data: bytes, events: list[Event], *, closing: bool) -> dict[str, Any] | None:
        """What a frame holds; None when that is no object, which fails the stream."""
        try:
            body = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if not closing:  # at the end it is only a cut
                self._fail(events, INVALID_STREAM, f"an event of the provider's stream is not JSON: {error}")
            return None
        if not isinstance(body, dict):
            self._fail(events, INVALID_STREAM, "an event of the provider's stream is not an object")
            return None
        return body


class EventDecoder(FrameDecoder):
    """Decodes server-sent events."""

    def __init__(self, limit: int = MAX_REMAINDER) -> None:
        super().__init__(EventReader(limit))

    def _take(self, frame: ServerEvent, events: list[Event], *, closing: bool) -> None:
        if frame.data == b"[DONE]":
            self._done(events)
            return
        body = self._object(frame.data, events, closing=closing)
        if body is not None:
            self._event(frame.name, body, events)

    def _done(self, events: list[Event]) -> None:
        """OpenAI's end mark, which compatible servers add to streams of other formats as well."""

    @abstractmethod
    def _event(self, name: str, body: dict[str, Any], events: list[Event]) -> None:
        """Decode one event, by its name (empty when it has none) and its object."""
