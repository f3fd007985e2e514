"""An answer that is nothing but a refusal: Gemini's blocked prompts, Azure's filter, Claude's ``refusal``, all of them
answers of 200. Where somebody is named to take over for refused content, it counts as the refusal it is.

What was begun is the client's; so only an answer without any content is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tollhouse.dataplane.chat import Event, Finished, Usage, UsageReported, is_content
from tollhouse.dataplane.dispatch.attempts.continuing import STATE
from tollhouse.dataplane.dispatch.choosing.plan import Plan
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.replies.events import to_events
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocol import Protocol
from tollhouse.dataplane.transport import UpstreamResponse

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

CHAIN = "content_refused"
_REASONS = frozenset({"content_filter", "refusal"})
_MOST = 256 << 10
"""Bytes of a stream that are looked at for content."""


class NothingButRefused(Exception):
    """The answer is over, and was a refusal. ``usage``: what it cost all the same, if it was told."""

    def __init__(self, usage: Usage | None) -> None:
        super().__init__("the provider refused the content")
        self.usage = usage


def is_watched(ex: Exchange, plan: Plan, target: Target, spoken: Protocol) -> bool:
    """Whether a refusal by this target is somebody else's to answer. What those say who were named for it is the last
    word."""
    named = plan.chains.get(CHAIN, ())
    if not named or spoken.operation != "chat" or STATE in ex.state:
        return False
    return all(plan.targets[place] is not target for place in named)


class WatchedForRefusal(UpstreamResponse):
    """A response that raises ``NothingButRefused`` in place of the end of such an answer. Belongs to one attempt."""

    def __init__(self, response: UpstreamResponse, spoken: Protocol) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._spoken = spoken
        self._decoder = spoken.stream_decoder()
        self._left = _MOST
        self._seen = _Seen()

    @property
    def unshown(self) -> bytes:
        return self._response.unshown

    def header(self, name: str) -> str | None:
        """See the port."""
        return self._response.header(name)

    def close(self) -> None:
        """See the port."""
        self._response.close()

    async def read(self, limit: int) -> bytes:
        """See the port."""
        body = await self._response.read(limit)
        try:
            self._seen.see(to_events(self._spoken.decode_reply(body)))
        except UpstreamError:  # it is for who reads answers to say what is wrong with one
            return body
        if self._seen.refused:
            raise NothingButRefused(self._seen.usage)
        return body

    async def chunk(self) -> bytes:
        """See the port. Once there is content nothing is looked at any more."""
        data = await self._response.chunk()
        if self._left <= 0:
            return data
        self._take(data)
        if self._seen.refused:
            while rest := await self._response.chunk():  # what it used comes last
                self._take(rest)
            raise NothingButRefused(self._seen.usage)
        return data

    def stop(self) -> None:
        """What comes from now on is the client's."""
        self._left = 0

    def _take(self, data: bytes) -> None:
        self._left -= len(data)
        self._seen.see(self._decoder.feed(data) if data else self._decoder.close())
        if self._seen.content:
            self.stop()


class _Seen:
    """What an answer's events have shown so far."""

    __slots__ = ("_reasons", "content", "usage")

    def __init__(self) -> None:
        self.content = False
        self.usage: Usage | None = None
        self._reasons: list[str] = []

    @property
    def refused(self) -> bool:
        """It ended by being refused, before it began."""
        return not self.content and bool(self._reasons) and _REASONS.issuperset(self._reasons)

    def see(self, events: Iterable[Event]) -> None:
        """Take events in."""
        for event in events:
            if is_content(event) and getattr(event, "text", True):
                self.content = True
            elif isinstance(event, Finished):
                self._reasons.append(event.reason)
            elif isinstance(event, UsageReported):
                self.usage = event.usage
