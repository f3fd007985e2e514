"""A stream in the client's own format that hooks look at: what they leave alone passes byte for byte.

The provider's stream is cut into its events' bytes. Hooks may hold events back, and change, drop or add some; a block
of bytes whose events all come back as they were goes out as it came, anything else is encoded. The encoder sees every
event, so that what it writes fits what went before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec
from tollhouse.dataplane.chat import Event, OpaqueDelta, PartStarted, Usage
from tollhouse.dataplane.dispatch.replies.events import content_of
from tollhouse.dataplane.dispatch.replies.legs import Hooks, TranslatedLeg
from tollhouse.dataplane.engine.sse import EventReader
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.protocol import StreamDecoder, StreamEncoder, UsageReader

_WORDS = frozenset(
    ("content", "text", "arguments", "input", "refusal", "thinking", "partial_json", "reasoning_content", "reasoning")
)
"""Keys under which a string is what a model says, in whatever format."""


def _tells(event: Event) -> bool:
    return isinstance(event, OpaqueDelta | PartStarted) or content_of(event) is not None


def says(data: bytes) -> bool:
    """Whether an event's JSON holds words of a model."""
    try:
        return _has_words(msgspec.json.decode(data))
    except (ValueError, RecursionError):
        return False


def _has_words(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_words, value))
    if not isinstance(value, dict):
        return False
    return any(
        (isinstance(inner, str) and inner and name in _WORDS) or _has_words(inner) for name, inner in value.items()
    )


class _Block:
    """The bytes of one event of the stream, and what was read from them."""

    __slots__ = ("left", "raw", "shown", "whole")

    def __init__(self, raw: bytes, left: int) -> None:
        self.raw = raw
        self.shown: list[bytes] = []
        """Those that came back, encoded."""
        self.left = left
        """Events of it that have not come back from the hooks."""
        self.whole = True
        """All that came back was as it had been, and in order."""


class HookedLeg(TranslatedLeg):
    """One attempt's stream. See the port for what is promised."""

    __slots__ = ("_blocks", "_cut", "_given", "_hiding", "_home", "_raw", "_refused")

    def __init__(
        self, decoder: StreamDecoder, encoder: StreamEncoder, hooks: Hooks, hiding: UsageReader | None = None
    ) -> None:
        """``hiding`` takes out the usage the client did not ask for."""
        super().__init__(decoder, encoder, hooks)
        self._hiding = hiding
        self._cut = b""
        self._given = False
        self._raw: deque[tuple[_Block, list[Event]]] = deque()
        """Blocks whose events the hooks have not seen."""
        self._blocks: deque[_Block] = deque()
        """Blocks that are with the hooks, in order."""
        self._home: dict[int, tuple[_Block, Event, str | None]] = {}
        """Identity of an event -> its block, itself (so that its identity stays its own), the words it came with."""
        self._refused: GatewayError | None = None

    def feed(self, data: bytes) -> None:
        if self._hiding is not None:
            data = self._hiding.feed(data)
            self.failed = self.failed or self._hiding.failed
        for raw in self._split(data):
            self._keep(raw, self._decoder.feed(raw))

    def close(self) -> None:
        raw, self._cut = self._cut + (self._hiding.close() if self._hiding is not None else b""), b""
        events = self._decoder.feed(raw) if raw else []
        events += self._decoder.close()
        if events:  # else it is the piece of an event inside which the stream broke
            self._keep(raw, events)

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return b"\n\n" + super().error(error, request_id)  # the last event may lack its end

    def usage(self, request_size: int) -> Usage:
        hiding = self._hiding
        if hiding is not None and hiding.reported and self.ended:
            return hiding.usage
        return super().usage(request_size)

    def _split(self, data: bytes) -> Iterator[bytes]:
        """Whole events' bytes; what is begun waits."""
        data = self._cut + data
        at = 0
        while True:
            ends = [(data.find(mark, at), len(mark)) for mark in (b"\n\n", b"\r\n\r\n")]
            found = min(((place + size) for place, size in ends if place >= 0), default=-1)
            if found < 0:
                break
            yield data[at:found]
            at = found
        self._cut = data[at:]

    def _keep(self, raw: bytes, events: list[Event]) -> None:
        before = len(self._pending)
        self.events(events)  # counts, and leaves out what may not be shown
        shown = self._pending[before:]
        del self._pending[before:]
        if raw or shown:
            block = _Block(raw, len(shown))
            if raw and not any(map(_tells, events)) and self._untold(raw):
                block.raw, block.whole = b"", False
            self._raw.append((block, shown))

    def _untold(self, raw: bytes) -> bool:
        """Whether bytes of which the decoder told no words hold some all the same: no hook has seen those."""
        reader = EventReader(len(raw) + 1)
        return any(says(event.data) for event in (*reader.feed(raw), *reader.close()))

    def take(self) -> bytes:
        """What is ready. A refusal by a hook comes after what was ready before it, unless nothing was given out yet:
        the client then gets an error with a status of its own."""
        if self._refused is not None:
            refused, self._refused = self._refused, None
            raise refused
        made: list[bytes] = []
        assert self._hooks is not None
        try:
            while self._raw:
                block, events = self._raw.popleft()
                self._blocks.append(block)
                for event in events:
                    self._home[id(event)] = (block, event, content_of(event))
                for event in events:
                    for shown in self._hooks(event):
                        self._show(shown, made)
                self._pass_silent(made)
        except GatewayError as refused:
            if not self._given or not any(made):
                raise
            self._refused = refused
        data = b"".join(made)
        self._given = self._given or bool(data)
        return data

    def _show(self, event: Event, made: list[bytes]) -> None:
        encoded = self._encoder.encode(event)
        home = self._home.pop(id(event), None)
        if home is None or home[1] is not event or home[2] != content_of(event):
            if self._blocks:  # something new stands for what the first block holds
                self._break(self._blocks.popleft(), made)
            made.append(encoded)
            return
        block = home[0]
        if not block.whole:
            made.append(encoded)
            return
        while self._blocks[0] is not block:  # what has not come back before was dropped
            self._break(self._blocks.popleft(), made)
        block.shown.append(encoded)
        block.left -= 1
        if block.left == 0:
            self._blocks.popleft()
            made.append(block.raw)
            self._pass_silent(made)

    @staticmethod
    def _break(block: _Block, made: list[bytes]) -> None:
        """A block cannot go out as it came: what was shown of it is encoded, the rest will be."""
        if block.left <= 0:
            made.append(block.raw)
            return
        block.whole = False
        made += block.shown

    def _pass_silent(self, made: list[bytes]) -> None:
        """Blocks without events (comments, pings) pass when nothing before them waits."""
        while self._blocks and self._blocks[0].left == 0:
            made.append(self._blocks.popleft().raw)
