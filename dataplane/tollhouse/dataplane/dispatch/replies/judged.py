"""Answers somebody outside must judge before the client sees them: held back whole or in pieces, let go as they came.

Below everything that decodes, hooks or translates: what the judges see is what the provider said, before masked values
come back, and what they let go are the provider's own bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tollhouse.dataplane.chat import ArgumentsDelta, Ended, Event, PartEnded, PartStarted, TextDelta, ThinkingDelta
from tollhouse.dataplane.protocol import StreamDecoder, StreamEditor
from tollhouse.dataplane.records.plugin_times import waited
from tollhouse.dataplane.services import Clock
from tollhouse.dataplane.transport import UpstreamResponse

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.plugin import Plugin

_MOST = 8 << 20
"""Bytes that are held back at most; more is judged in pieces."""
_BEFORE = 200
"""Characters of what was judged before that are shown again, so that nothing hides in a seam."""


def judges_of(ex: Exchange) -> tuple[Plugin, ...]:  # type: ignore[type-arg]
    """The route's plugins that judge answers, as far as their filters let them."""
    found = ex.pipeline.answer_judges if ex.pipeline is not None else ()
    return tuple(one.plugin for one in found if one.runs_for(ex)) if found else ()


async def judge(ex: Exchange, events: Iterable[Event]) -> None:
    """A whole answer. Raises GatewayError."""
    text = "".join(_words(events)).strip()
    for one in judges_of(ex) if text else ():
        await waited(one, ex, one.answer(ex, text), "answer")


class JudgedResponse(UpstreamResponse):
    """A stream whose bytes come out once the words in them were judged. Belongs to one attempt."""

    def __init__(
        self,
        ex: Exchange,
        response: UpstreamResponse,
        decoder: StreamDecoder,
        clock: Clock,
        editor: StreamEditor | None = None,
    ) -> None:
        """``editor``: where the format has one, it knows bytes of which the decoder tells later."""
        self.status = response.status
        self.headers = response.headers
        self._ex = ex
        self._response = response
        self._decoder = decoder
        self._clock = clock
        self._judges = judges_of(ex)
        batches = [one.answer_batch or 0 for one in self._judges]
        self._batch = min(batches)
        """Characters; 0 holds to the end, which one of them needs."""
        self._interval_s = min((one.answer_interval_s for one in self._judges), default=0.0)
        self._began_s = clock.monotonic()
        self._editor = editor
        self._foretold = False
        """Something is among the held bytes that was not told yet."""
        self._held: list[bytes] = []
        self._size = 0
        self._text = ""
        self._judged = ""

    @property
    def unshown(self) -> bytes:
        return b"".join(self._held)

    def header(self, name: str) -> str | None:
        """See the port."""
        return self._response.header(name)

    async def read(self, limit: int) -> bytes:
        """See the port; what is read whole is judged by who reads it."""
        return await self._response.read(limit)

    def close(self) -> None:
        """See the port."""
        self._response.close()

    async def chunk(self) -> bytes:
        """The next bytes that were judged. Raises GatewayError when they must not be shown."""
        while True:
            chunk = await self._response.chunk()
            events = self._decoder.feed(chunk) if chunk else self._decoder.close()
            self._text += "".join(_words(events))
            if self._editor is not None:
                told = any(isinstance(event, ArgumentsDelta | PartEnded) for event in events)
                self._foretold = not told and (self._foretold or self._editor.waits(chunk))
            self._held.append(chunk)
            self._size += len(chunk)
            ended = not chunk or any(isinstance(event, Ended) for event in events)
            if ended or self._is_due():
                await self._judge()
                shown, self._held, self._size = b"".join(self._held), [], 0
                if shown or not chunk:
                    return shown

    def _is_due(self) -> bool:
        if self._size > _MOST:
            return True
        if not self._batch or self._foretold:
            return False
        late = self._interval_s and self._clock.monotonic() - self._began_s > self._interval_s
        return len(self._text) >= self._batch or bool(late and self._text)

    async def _judge(self) -> None:
        text, self._text = self._text, ""
        if not text.strip():
            return
        shown = self._judged[-_BEFORE:] + text
        for one in self._judges:
            await waited(one, self._ex, one.answer(self._ex, shown), "answer")
        self._judged = shown
        self._began_s = self._clock.monotonic()


def _words(events: Iterable[Event]) -> Iterator[str]:
    """What an answer says: text, reasoning, and the names and arguments of calls."""
    for event in events:
        if isinstance(event, PartStarted):
            yield f"\n{event.name}\n" if event.name else "\n"
        elif isinstance(event, TextDelta | ThinkingDelta):
            yield event.text
        elif isinstance(event, ArgumentsDelta):
            yield event.json
