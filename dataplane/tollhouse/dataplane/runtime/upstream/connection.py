"""One HTTP/1.1 client connection: an asyncio protocol around httptools' C parser, with one timer for all phases."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from typing import Literal, Protocol, cast

from tollhouse.dataplane.runtime.upstream.framing import FramingError
from tollhouse.dataplane.runtime.upstream.reception import Reception
from tollhouse.dataplane.runtime.upstream.response import LeanResponse
from tollhouse.dataplane.runtime.upstream.socket_state import readable, undelivered
from tollhouse.dataplane.transport import Phase, Timeouts, TransportError

READ_HIGH_WATER = 256 * 1024
"""A response whose caller has not read this much stops the reading of its socket."""
JOIN_BELOW = 16 * 1024
"""Head and body smaller than this are joined into one write; a larger body is not copied."""

_MESSAGES: dict[str, str] = {
    "send": "The server did not take the request in time.",
    "first_byte": "The server did not begin to answer in time.",
    "idle": "The server fell silent in the middle of its answer.",
    "total": "The answer took longer than it may altogether.",
}


class Owner(Protocol):
    """Who is told what becomes of a connection: its pool."""

    def released(self, connection: Connection) -> None:
        """The response is complete and the connection can serve another request."""

    def lost(self, connection: Connection) -> None:
        """The connection is gone."""


class Connection(asyncio.Protocol):
    """Carries one request at a time. Lives as long as its socket; handed from exchange to exchange by the pool."""

    __slots__ = (
        "_deadline",
        "_farewell",
        "_large",
        "_loop",
        "_owner",
        "_phase",
        "_pump",
        "_reading_paused",
        "_reception",
        "_response",
        "_timeouts",
        "_timer",
        "_timer_at",
        "_total_deadline",
        "_unsent",
        "_write_waiter",
        "_writing_paused",
        "expires_at",
        "idle_limit_s",
        "idle_since",
        "on_first_answer",
        "transport",
    )

    def __init__(
        self, owner: Owner, loop: asyncio.AbstractEventLoop, *, lifetime_s: float, idle_limit_s: float
    ) -> None:
        self._owner = owner
        self._loop = loop
        self._reception = Reception()
        self.transport: asyncio.Transport | None = None
        self.expires_at = loop.time() + lifetime_s
        """No new request is sent after this: DNS and load balancers change."""
        self.idle_limit_s = idle_limit_s
        self.idle_since = 0.0
        self.on_first_answer: Callable[[asyncio.Transport], None] | None = None
        """Called once, when the first response is complete."""
        self._response: LeanResponse | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = math.inf
        self._reading_paused = False
        self._writing_paused = False
        self._write_waiter: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._unsent = 0
        self._farewell = False
        """The server said that it is done: a closing without that may have been cut off by anybody on the way."""
        self._large = False
        """The request may still be on its way when its answer comes."""

    # -- the client's side

    def begin(self, method: str, head: bytes, body: bytes | AsyncIterator[bytes], timeouts: Timeouts) -> LeanResponse:
        """Write a request; its response fills from now on."""
        response = self._response = LeanResponse(self, self._loop)
        self._reception.expect(method, response)
        self._timeouts = timeouts
        self._phase: Phase | Literal["pooled"] = "first_byte"
        now = self._loop.time()
        self._total_deadline = now + timeouts.total_s if timeouts.total_s is not None else math.inf
        transport = self.transport
        assert transport is not None
        self._large = True
        if not isinstance(body, bytes):
            transport.write(head)
            self._phase = "send"
            self._arm(self._total_deadline)
            self._pump = self._loop.create_task(self._send_pieces(body))
            return response
        if len(body) < JOIN_BELOW:
            transport.write(head + body)
            self._large = False
        else:
            transport.writelines((head, body))
        if self._writing_paused:
            self._phase = "send"
            self._unsent = transport.get_write_buffer_size()
            self._arm(now + timeouts.send_s)
        else:
            self._arm(now + timeouts.first_byte_s)
        return response

    def resume(self) -> None:
        """The caller has read what was buffered."""
        if self._reading_paused:
            self._reading_paused = False
            assert self.transport is not None
            self.transport.resume_reading()
            self._arm(self._loop.time() + self._timeouts.idle_s)

    def abandon(self) -> None:
        """Close at once, whatever is in flight."""
        self._response = None
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        if self.transport is not None:
            self.transport.abort()

    def fail_closed(self) -> None:
        """Close because the gateway shuts down."""
        if self._response is not None:
            self._fail("closed", "The gateway is shutting down.")
        else:
            self.abandon()

    def pooled(self) -> None:
        """Nobody uses the connection now: close it when that lasts too long."""
        self._phase = "pooled"
        self.idle_since = now = self._loop.time()
        self._total_deadline = math.inf
        self._arm(now + self.idle_limit_s)

    @property
    def usable(self) -> bool:
        """Whether another request may be sent, as far as is known."""
        return self.transport is not None and not self.transport.is_closing()

    @property
    def spoken_on(self) -> bool:
        """Whether a new connection that is to be asked first holds bytes already; TLS has some of its own."""
        transport = self.transport
        return transport is not None and transport.get_extra_info("ssl_object") is None and readable(transport)

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:  # bytes nobody asked for: whose answer would they be?
            self.abandon()
            return
        reception = self._reception
        try:
            reception.feed(data)
        except FramingError as error:
            self._fail("framing", f"The server's answer is not valid HTTP/1.1: {error}.")
            return
        if reception.complete:
            self._finish(response)
        elif reception.head_done:  # a head that drips in does not win time
            self._phase = "idle"
            if response.buffered > READ_HIGH_WATER and not self._reading_paused:
                self._reading_paused = True
                assert self.transport is not None
                self.transport.pause_reading()
                self._deadline = self._total_deadline
            else:
                self._arm(self._loop.time() + self._timeouts.idle_s)
        if response.status:
            response.wake()

    def eof_received(self) -> bool:
        self._farewell = True  # of TLS: its own good-bye, not the end of TCP
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiter = self._write_waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        response = self._response
        if response is not None:
            if self._reception.head_done and self._reception.until_close and exc is None and self._farewell:
                response.finish()
                response.wake()
            else:
                response.begun = self._reception.begun
                when = "in the middle of its answer" if response.begun else "before it answered"
                self._fail("closed", f"The server closed the connection {when}.")
        self._response = None
        self._reception.drop()
        self._owner.lost(self)

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        waiter = self._write_waiter
        if waiter is not None:
            if not waiter.done():
                waiter.set_result(None)
        elif self._response is not None and self._phase == "send":
            self._phase = "first_byte"
            self._arm(self._loop.time() + self._timeouts.first_byte_s)

    # -- inside

    def _finish(self, response: LeanResponse) -> None:
        self._response = None
        response.finish()
        transport = self.transport
        assert transport is not None
        if self.on_first_answer is not None:
            self.on_first_answer(transport)
            self.on_first_answer = None
        reception = self._reception
        if reception.idle_hint_s is not None:
            self.idle_limit_s = min(self.idle_limit_s, max(reception.idle_hint_s - 1.0, 0.0))
        if self._reading_paused:
            self._reading_paused = False
            transport.resume_reading()
        if reception.keep_alive and not reception.excess and not (self._large and self._sending(transport)):
            self._owner.released(self)
        else:
            self.abandon()

    def _sending(self, transport: asyncio.Transport) -> bool:
        """Whether the answer came before all of the request was delivered. Who answers early may never read the rest,
        and the next request would wait behind it."""
        return self._pump is not None or undelivered(transport)

    def _fail(self, phase: Phase, message: str, *, timed_out: bool = False, cause: BaseException | None = None) -> None:
        response = self._response
        self.abandon()
        if response is not None:
            error = TransportError(phase, message, timed_out=timed_out, request_sent=True)
            error.__cause__ = cause
            response.fail(error)

    def _arm(self, deadline: float) -> None:
        """Set when the present phase ends. The timer is only touched when it would ring too late: ringing too early
        is cheap, and most phases end long before."""
        self._deadline = deadline = min(deadline, self._total_deadline)
        if self._timer is None or self._timer_at > deadline:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if deadline != math.inf:
                self._timer_at = deadline
                self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time()
        if now < self._deadline:
            self._arm(self._deadline)
        elif self._phase == "pooled":
            self.abandon()
        elif now >= self._total_deadline:
            self._fail("total", _MESSAGES["total"], timed_out=True)
        else:
            if self._phase == "send" and self.transport is not None:
                unsent = self.transport.get_write_buffer_size()
                if unsent < self._unsent:  # slow is not stuck
                    self._unsent = unsent
                    self._arm(now + self._timeouts.send_s)
                    return
            self._fail(self._phase, _MESSAGES[self._phase], timed_out=True)

    async def _send_pieces(self, body: AsyncIterator[bytes]) -> None:
        """Write a body of unknown length as chunks, no faster than the server takes them."""
        try:
            async for piece in body:
                if self.transport is None:
                    return
                if not piece:
                    continue
                self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if self._writing_paused:
                    await self._drained()
            if self.transport is None:
                return
            self.transport.write(b"0\r\n\r\n")
        except Exception as error:  # whatever the caller's iterator raises
            self._pump = None
            self._fail("send", "The body of the request could not be read to its end.", cause=error)
            return
        self._pump = None
        if self._phase == "send":
            self._phase = "first_byte"
            self._arm(self._loop.time() + self._timeouts.first_byte_s)

    async def _drained(self) -> None:
        self._write_waiter = self._loop.create_future()
        if self.transport is not None and self._phase == "send":
            self._unsent = self.transport.get_write_buffer_size()
            self._arm(self._loop.time() + self._timeouts.send_s)
        try:
            await self._write_waiter
        finally:
            self._write_waiter = None
            if self._phase == "send":
                self._deadline = self._total_deadline  # waiting for the client is not the server's fault
