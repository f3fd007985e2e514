"""A provider's stream on its way to the client: passed untouched and watched, or decoded and encoded again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tollhouse.dataplane.chat import (
    Ended,
    Event,
    Failed,
    OpaqueDelta,
    PartStarted,
    ReplyStarted,
    Usage,
    UsageReported,
    is_content,
)
from tollhouse.dataplane.dispatch.replies.events import text_size
from tollhouse.dataplane.dispatch.replies.unshown import name_of, nothing_else
from tollhouse.dataplane.engine.tokens import complete, sound
from tollhouse.dataplane.errors import GatewayError, UpstreamError
from tollhouse.dataplane.protocol import Protocol, StreamDecoder, StreamEncoder, UsageReader

_KEPT = 4 << 10
"""Bytes of a watched stream that are kept to estimate the whole from, should it break off: some twenty events tell
what share of the bytes is text, and thousands of streams must not each keep all they said."""

Hooks = Callable[[Event], list[Any]]


class Leg(ABC):
    """One attempt's stream. ``feed`` takes bytes in and shows nothing; ``take`` gives what may go to the client."""

    has_content: bool
    ended: bool
    failed: GatewayError | None
    """The provider's own word inside the stream."""
    tells_failure: bool
    """The client has been or will be told of ``failed`` by what ``take`` gives."""
    lost_late: Sequence[str] = ()
    """What was lost of the answer after the first ``take``, when the headers had gone."""

    @abstractmethod
    def feed(self, data: bytes) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """The provider's stream has ended."""

    @abstractmethod
    def take(self) -> bytes:
        """What is ready. Raises GatewayError when a hook refuses the content."""

    @abstractmethod
    def error(self, error: GatewayError, request_id: str) -> bytes:
        """A terminal error event in the client's format."""

    @abstractmethod
    def usage(self, request_size: int) -> Usage:
        """As reported; what is missing is estimated and marked so."""


class WatchedLeg(Leg):
    """Both sides speak the same format: bytes pass, only accounting looks at them."""

    __slots__ = ("_encoder", "_kept", "_kept_size", "_protocol", "_reader", "_ready", "_size")

    def __init__(self, protocol: Protocol, reader: UsageReader, encoder: Callable[[], StreamEncoder]) -> None:
        self._protocol = protocol
        self._reader = reader
        self._encoder = encoder
        self._ready: list[bytes] = []
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._size = 0

    @property
    def tells_failure(self) -> bool:  # type: ignore[override]
        return not self._reader.rejected

    @property
    def has_content(self) -> bool:  # type: ignore[override]
        return self._reader.has_content

    @property
    def ended(self) -> bool:  # type: ignore[override]
        return self._reader.ended

    @property
    def failed(self) -> GatewayError | None:  # type: ignore[override]
        return self._reader.failed

    def feed(self, data: bytes) -> None:
        self._size += len(data)
        if self._kept_size < _KEPT:
            self._kept.append(data)
            self._kept_size += len(data)
        out = self._reader.feed(data)
        if out:
            self._ready.append(out)

    def close(self) -> None:
        rest = self._reader.close()
        if rest and self._reader.ended:  # else it is the piece of an event inside which the stream broke
            self._ready.append(rest)

    def take(self) -> bytes:
        ready = self._ready
        if not ready:
            return b""
        data = ready[0] if len(ready) == 1 else b"".join(ready)
        ready.clear()
        return data

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return b"\n\n" + self._encoder().error(error, request_id)  # the stream may have broken inside an event

    def usage(self, request_size: int) -> Usage:
        told = self._reader.usage
        final = self.ended and self._reader.reported
        if final and told.input_tokens and told.output_tokens:
            return told
        decoder = self._protocol.stream_decoder()
        size = sum(text_size(event) for data in self._kept for event in decoder.feed(data))
        if self._kept_size:
            size = size * self._size // self._kept_size
        return told if final and sound(told, size) else complete(told, request_size, size)


class TranslatedLeg(Leg):
    """The formats differ, or hooks look at the content: bytes to events, hooks, events to bytes."""

    __slots__ = (
        "_client",
        "_decoder",
        "_dropped",
        "_encoder",
        "_hooks",
        "_lost",
        "_pending",
        "_reported",
        "_request_size",
        "_text_size",
        "_took",
        "_usage",
        "lost_late",
    )

    def __init__(
        self,
        decoder: StreamDecoder,
        encoder: StreamEncoder,
        hooks: Hooks | None,
        loss: tuple[str, list[str]] | None = None,
        request_size: int = 0,
    ) -> None:
        """``loss``: the client's format, and where to name the parts it has no place for. ``request_size``: what to
        estimate the usage from that the client is told where the provider tells none; 0: it is told none."""
        self._request_size = request_size
        self._client, self._dropped = loss or ("", [])
        self._lost: list[str] = []
        self._took = False
        self.lost_late: list[str] = []
        self._decoder = decoder
        self._encoder = encoder
        self._hooks = hooks
        self._pending: list[Event] = []
        self._usage: Usage | None = None
        self._reported = False
        self._text_size = 0
        self.has_content = False
        self.ended = False
        self.failed = None
        self.tells_failure = False

    def feed(self, data: bytes) -> None:
        self.events(self._decoder.feed(data))

    def close(self) -> None:
        self.events(self._decoder.close())

    def events(self, events: Iterable[Event]) -> None:
        """Take events in."""
        for event in events:
            if isinstance(event, Failed):
                self.failed = UpstreamError(event.status or 502, event.type or "upstream_error", event.message)
                return
            if isinstance(event, UsageReported):
                self._usage = event.usage
                self._reported = True
            elif isinstance(event, ReplyStarted):
                self._usage = event.usage
            elif isinstance(event, Ended):
                if self._lost and not self.has_content:
                    self.failed = nothing_else(self._lost)
                    return
                self.ended = True
                if self._request_size and (told := self.usage(self._request_size)).estimated:
                    self._pending.append(UsageReported(told))  # agents count their context by it
            elif (
                self._client
                and isinstance(event, PartStarted | OpaqueDelta)
                and (lost := name_of(event.opaque, self._client))
            ):
                if lost not in self._lost:
                    self._lost.append(lost)
            else:
                self._text_size += text_size(event)
                if not self.has_content and is_content(event):
                    self.has_content = True
            self._pending.append(event)

    def take(self) -> bytes:
        pending, self._pending = self._pending, []
        self.name_lost()
        if self._hooks is None:
            return b"".join([self._encoder.encode(event) for event in pending])
        return b"".join([self._encoder.encode(shown) for event in pending for shown in self._hooks(event)])

    def name_lost(self) -> None:
        """Say what was lost so far; not before it is clear that this attempt is the one that answers."""
        for name in self._lost:
            if name not in self._dropped:
                self._dropped.append(name)
                if self._took:
                    self.lost_late.append(name)
        self._took = True

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return self._encoder.error(error, request_id)

    def usage(self, request_size: int) -> Usage:
        told = self._usage
        if self.ended and self._reported and told is not None and sound(told, self._text_size):
            return told
        return complete(told, request_size, self._text_size)
