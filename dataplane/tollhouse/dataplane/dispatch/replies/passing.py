"""Replies that pass as they are, of any kind and size: small ones whole, others piece by piece at the client's pace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.dispatch.attempts import failures
from tollhouse.dataplane.dispatch.attempts.headers import from_provider
from tollhouse.dataplane.dispatch.attempts.trial import Trial
from tollhouse.dataplane.dispatch.choosing.plan import Limits
from tollhouse.dataplane.dispatch.money.by_unit import with_units
from tollhouse.dataplane.dispatch.replies.kept import reader_for
from tollhouse.dataplane.engine.tokens import complete
from tollhouse.dataplane.errors import GatewayError, UpstreamError
from tollhouse.dataplane.protocol import Protocol, UsageReader
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Clock
from tollhouse.dataplane.transport import TransportError, UpstreamResponse

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_WHOLE = 256 << 10
"""Answers known to be no longer are read whole: should they break off, another target can still be asked."""

_LINKED = 16 << 20
"""And those whose addresses are changed, however long they are."""

_KEPT = ("content-type", "content-disposition")


async def pass_on(
    ex: Exchange, limits: Limits, spoken: Protocol, response: UpstreamResponse, trial: Trial, clock: Clock
) -> tuple[Reply, Usage | None] | UpstreamFailure:
    """The reply, with its usage where that is known already; a failure where nothing has come yet."""
    length = response.header("content-length") or ""
    size = int(length) if length.isdigit() else None
    most = limits.max_response_bytes
    if most is not None and size is not None and size > most:
        return UpstreamFailure("final", "invalid_reply", 502, _too_large(most))
    kind = response.header("content-type") or ""
    reader: UsageReader | None = None
    linked = spoken.has_links(ex.path)
    if "json" in kind or "event-stream" in kind or ex.path.endswith("/results"):
        stored = ex.protocol is not None and ex.protocol.stored(ex.method, ex.path)
        reader = reader_for(ex.path) if stored else spoken.usage_reader(hide_usage=False)
    headers = [(name, value) for name, value in response.headers if name in _KEPT] + from_provider(response.headers)
    whole = linked or ex.method == "HEAD" or response.status == 204 or (size is not None and size <= _WHOLE)
    try:
        first = await response.read(_LINKED if linked else _WHOLE) if whole else await response.chunk()
    except TransportError as error:
        return failures.of_transport(error) if error.timed_out else failures.cut(error.message)
    if not whole:
        last_s = None if limits.max_stream_s is None else trial.attempt.started_s + limits.max_stream_s
        body = PassedBody(response, trial, clock, reader, first, most, last_s)
        return Reply(response.status, headers, stream=body), None
    usage = None
    if reader is not None:
        reader.feed(first)
        reader.ended = True
        reader.close()
        usage = reader.usage if reader.reported else None
    trial.succeed(_charged(trial, usage))
    return Reply(response.status, headers, spoken.own_links(first) if linked else first), usage


def _charged(trial: Trial, told: Usage | None) -> Usage:
    """What the provider told, with what is charged by the second, character or picture; else an estimate."""
    price = trial.target.price
    if price is not None and price.by_unit:
        usage = with_units(trial.ex, price, told)
        if usage is not None:
            return usage
    return told or _untold(trial)


def _untold(trial: Trial) -> Usage:
    """Of an answer that tells no usage (speech, say), though its tokens have a price: what was asked, as an estimate. A
    form is not estimated: it holds files."""
    ex, price = trial.ex, trial.target.price
    if price is None or not price.known or ex.document is None or ex.method != "POST":
        return Usage()
    assert ex.protocol is not None
    if not (price.base.dearest_media or price.base.dearest_output):  # its price is per request
        return Usage()
    if ex.protocol.stored(ex.method, ex.path) or "json" not in (ex.headers.get("content-type") or "json"):
        return Usage()
    return complete(None, len(ex.body or b""), 0)


def _too_large(most: int) -> str:
    return f"The provider's answer is larger than the {most} bytes that max_response_bytes allows."


class PassedBody(AsyncIterator[bytes]):
    """A body on its way through. Raises GatewayError when it breaks off or passes a limit, so that the client sees the
    break too; closing it closes the provider's connection. Belongs to one exchange."""

    __slots__ = ("_clock", "_done", "_first", "_last_s", "_left", "_most", "_reader", "_response", "_trial")

    def __init__(
        self,
        response: UpstreamResponse,
        trial: Trial,
        clock: Clock,
        reader: UsageReader | None,
        first: bytes,
        most: int | None,
        last_s: float | None,
    ) -> None:
        self._response = response
        self._trial = trial
        self._clock = clock
        self._reader = reader
        """Looks for usage in what may tell it."""
        self._first = first
        self._most = most
        self._left = most
        self._last_s = last_s
        """Monotonic seconds at which it is cut off."""
        self._done = False

    async def __anext__(self) -> bytes:
        if self._done:
            raise StopAsyncIteration
        data, self._first = self._first, b""
        try:
            data = data or await self._response.chunk()
            self._require_room(data)
        except TransportError as error:
            failure = failures.of_transport(error) if error.timed_out else failures.cut(error.message)
            raise self._broken(UpstreamError(502, failures.CODES[failure.kind], failure.message), failure) from error
        except GatewayError as limit:
            raise self._broken(limit, None) from None
        if not data:
            self._done = True
            self._response.close()
            if self._reader is not None:
                self._reader.ended = True
            self._trial.succeed(self._usage())
            raise StopAsyncIteration
        if self._reader is not None:
            self._reader.feed(data)
        return data

    def _require_room(self, data: bytes) -> None:
        if self._last_s is not None and self._clock.monotonic() > self._last_s:
            raise UpstreamError(504, "stream_too_long", "The answer took longer than max_stream_duration_ms allows.")
        if self._left is not None and self._most is not None:
            self._left -= len(data)
            if self._left < 0:
                raise UpstreamError(502, "response_too_large", _too_large(self._most))

    def _broken(self, error: GatewayError, failure: UpstreamFailure | None) -> GatewayError:
        self._done = True
        self._response.close()
        if failure is not None:
            self._trial.fail(failure, self._usage())
        else:
            self._trial.cancel(self._usage())
        self._trial.ex.error = error
        return error

    def _usage(self) -> Usage:
        if self._reader is not None:
            self._reader.close()
            if self._reader.reported:
                return _charged(self._trial, self._reader.usage)
        return _charged(self._trial, None)

    async def aclose(self) -> None:
        """The client left, or the server is done: nothing is left open."""
        if not self._done:
            self._done = True
            self._response.close()
            self._trial.cancel(self._usage())
