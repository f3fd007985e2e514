"""The body of a streamed answer: relays a leg to the client, and ends it well whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tollhouse.dataplane.dispatch.attempts import failures
from tollhouse.dataplane.dispatch.attempts.continuing import KeptLeg, KeptPassingLeg
from tollhouse.dataplane.dispatch.attempts.trial import Trial
from tollhouse.dataplane.dispatch.replies.cost_event import cost_event
from tollhouse.dataplane.dispatch.replies.legs import Leg
from tollhouse.dataplane.dispatch.replies.unshown import late_word
from tollhouse.dataplane.errors import GatewayError, UpstreamError
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.services import Clock
from tollhouse.dataplane.transport import TransportError, UpstreamResponse

_LINGER_S = 0.2
"""How long to wait for the end of a body whose last event has come."""

_SIGN_OF_LIFE = 200
"""Bytes a piece of a stream has at most when it holds only a comment or a ping."""


class StreamBody(AsyncIterator[bytes]):
    """From the first content on. Closing it (the client left) closes the provider's connection at once and settles for
    what was seen. Belongs to one exchange."""

    __slots__ = (
        "_clock",
        "_cost_event",
        "_done",
        "_first",
        "_idle_s",
        "_last_s",
        "_left",
        "_leg",
        "_next",
        "_progress_s",
        "_request_size",
        "_response",
        "_trial",
    )

    def __init__(
        self,
        leg: Leg,
        response: UpstreamResponse,
        trial: Trial,
        clock: Clock,
        request_size: int,
        first: bytes,
        last_s: float | None = None,
        max_bytes: int | None = None,
        idle_s: float = float("inf"),
        *,
        cost_event: bool = False,
    ) -> None:
        self._cost_event = cost_event
        self._leg = leg
        self._response = response
        self._trial = trial
        self._clock = clock
        self._request_size = request_size
        self._first = first
        """What was held back until there was content."""
        self._last_s = last_s
        """Monotonic seconds at which the stream is cut off."""
        self._left = max_bytes
        self._idle_s = idle_s
        """A provider that sends nothing but signs of life for so long has died for all we know."""
        self._progress_s = clock.monotonic()
        self._done = False
        self._next: AsyncIterator[bytes] | None = None
        """The rest, from another target."""

    async def __anext__(self) -> bytes:
        leg = self._leg
        while not self._done:
            if self._next is not None:
                return await self._next.__anext__()
            try:
                data, self._first = self._first or leg.take(), b""
                if not data:
                    if leg.ended or leg.failed is not None:
                        data = await self._finish()
                    else:
                        chunk = await self._response.chunk()
                        if chunk and not self._is_idle(chunk):
                            leg.feed(chunk)
                            data = leg.take()
                        else:
                            data = await self._stopped(chunk)
                if data:
                    return data if self._done else self._bounded(data)
            except TransportError as error:
                failure = failures.cut(error.message) if not error.timed_out else failures.of_transport(error)
                failure.silent_s = self._clock.monotonic() - self._progress_s
                data = await self._broken(failure)
            except GatewayError as refused:  # by a hook, or by one of our own limits
                data = self._end(refused, None)
            if data:
                return data
        raise StopAsyncIteration

    async def _stopped(self, chunk: bytes) -> bytes:
        """The provider's stream has ended, or goes on with nothing but signs of life."""
        if chunk:
            failure = UpstreamFailure("next", "timeout", 0, "The provider's stream came to a standstill.")
            failure.silent_s = self._clock.monotonic() - self._progress_s
            return await self._broken(failure)
        self._leg.close()
        return self._leg.take() + await self._finish()

    def _is_idle(self, chunk: bytes) -> bool:
        """Whether comments and pings are all that has come for too long; the transport sees only silence."""
        now = self._clock.monotonic()
        if len(chunk) > _SIGN_OF_LIFE or not (chunk.startswith(b":") or b'"ping"' in chunk):
            self._progress_s = now
            return False
        return now - self._progress_s > self._idle_s

    async def _finish(self) -> bytes:
        """The provider is through: was it whole?"""
        leg = self._leg
        if leg.failed is not None:
            failure = failures.of_answer(self._trial.target.endpoint.provider, leg.failed)
            return await self._broken(failure, told=leg.tells_failure, error=leg.failed)
        if not leg.ended:
            return await self._broken(failures.cut())
        usage = leg.usage(self._request_size)
        self._done = True
        self._trial.succeed(usage)
        await self._drain()
        ex = self._trial.ex
        word = late_word(leg.lost_late, ex.protocol.name) if leg.lost_late and ex.protocol is not None else b""
        return word + cost_event(ex, usage) if self._cost_event else word

    async def _drain(self) -> None:
        """Read past the end mark, so that the connection can be used again."""
        try:
            async with asyncio.timeout(_LINGER_S):
                while await self._response.chunk():
                    pass
        except (TransportError, TimeoutError):
            self._response.close()  # the answer was complete; only the connection is lost

    async def _broken(
        self, failure: UpstreamFailure, *, told: bool = False, error: GatewayError | None = None
    ) -> bytes:
        """The provider failed in the middle: another one says the rest if that is wanted and possible."""
        leg, resume = self._leg, self._trial.resume
        said = leg.said if isinstance(leg, KeptLeg | KeptPassingLeg) else None
        broken = said.broken(leg.usage(self._request_size)) if said is not None else None
        if resume is not None and broken is not None and failure.failure_class != "final":
            self._response.close()
            self._trial.fail(failure, leg.usage(self._request_size))
            broken.last_s, broken.left = self._last_s, self._left
            self._next = await resume(broken)
            if self._next is not None:
                return leg.take()
        return self._break(failure, told=told, error=error)

    def _break(self, failure: UpstreamFailure, *, told: bool = False, error: GatewayError | None = None) -> bytes:
        """The provider failed in the middle: the client gets a well-formed end."""
        shown = error or UpstreamError(502, failures.CODES.get(failure.kind, "provider_error"), failure.message)
        return self._end(shown, failure, told=told)

    def _end(self, error: GatewayError, failure: UpstreamFailure | None, *, told: bool = False) -> bytes:
        self._done = True
        self._response.close()
        if self._response.unshown:  # it was made, so it is paid
            self._leg.feed(self._response.unshown)
        usage = self._leg.usage(self._request_size)
        if failure is not None:
            self._trial.fail(failure, usage)
        else:
            self._trial.cancel(usage)
        self._trial.ex.error = error
        return b"" if told else self._leg.error(error, self._trial.ex.id)

    def _bounded(self, data: bytes) -> bytes:
        """Raises GatewayError when one of the route's limits is passed."""
        if self._last_s is not None and self._clock.monotonic() > self._last_s:
            raise UpstreamError(504, "stream_too_long", "The answer took longer than max_stream_duration_ms allows.")
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise UpstreamError(502, "response_too_large", "The answer is larger than max_response_bytes allows.")
        return data

    async def aclose(self) -> None:
        """The client left, or the server is done: nothing is left open."""
        close = getattr(self._next, "aclose", None)
        if close is not None:
            await close()
        if not self._done:
            self._done = True
            self._response.close()
            self._trial.cancel(self._leg.usage(self._request_size))
