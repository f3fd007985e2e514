"""One client's connection: aiohttp's parsing and flow control, and a loop of our own that answers its requests."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from typing import TYPE_CHECKING, Any, cast

from aiohttp import EMPTY_PAYLOAD, StreamReader
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.runtime.server.keepalive import Silence
from tollhouse.dataplane.runtime.server.origin import plain_address
from tollhouse.dataplane.runtime.server.output import BrokenReply, refusal
from tollhouse.dataplane.runtime.server.sending import send_stream, send_whole
from tollhouse.dataplane.runtime.server.target import Refused

if TYPE_CHECKING:
    from tollhouse.dataplane.runtime.server.traffic import Listening

log = logging.getLogger("tollhouse.server")

_REASON = re.compile(r"^ +([A-Z](?:[A-Za-z` /-]|can't|'Host'){3,80}):?\.?$", re.MULTILINE)
"""The parser's own words in its errors, never what it quotes."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing resets."""


class ClientConnection(RequestHandler):
    """Answers one request after the other in one task, which is cancelled when the client leaves.

    What differs from aiohttp's own loop: no task and no Request object per request, no response classes, and timers
    replaced by the server's look around once a second. Parsing, pipelining, and flow control are aiohttp's.
    """

    __slots__ = (
        "_body_began",
        "_body_moved",
        "_draining",
        "_exchange",
        "_head_bytes",
        "_head_since",
        "_idle_since",
        "_listening",
        "_payload",
        "_send_since",
        "_sent_left",
        "_silence",
        "barred",
        "behind_proxy",
        "chunked",
        "client_certificate",
        "last_piece",
        "peer",
        "scheme",
    )

    def __init__(self, listening: Listening, **limits: Any) -> None:
        super().__init__(listening, **limits)
        self._listening = listening
        self.peer = ""
        self.scheme = "http"
        self.client_certificate = b""
        """The client's, in DER, when the server name asked for one and it is good."""
        self.behind_proxy = False
        self.barred: Refused | None = None
        """Why every request on this connection is refused (it lacks a client certificate)."""
        self.chunked = True
        """The client reads chunks (HTTP/1.1)."""
        self.last_piece = b""
        """What was sent last of a stream; empty before its first piece."""
        self._silence = Silence()
        self._draining = False
        self._exchange: Exchange | None = None
        self._payload: StreamReader | None = None
        self._idle_since = self._head_since = self._body_began = self._body_moved = self._send_since = 0.0
        self._head_bytes = 0
        self._sent_left = 0

    # -- what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peername = transport.get_extra_info("peername")
        if isinstance(peername, tuple):
            self.peer = plain_address(peername[0]) or peername[0]
        self.behind_proxy = self._listening.intake.trusts(self.peer)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.scheme = "https"
            self.barred = self._listening.check_client(tls)
            self.client_certificate = tls.getpeercert(binary_form=True) or b""
        self._idle_since = self._loop.time()
        super().connection_made(transport)
        if self._listening.full:
            text = "The gateway has as many connections as it may. Try again shortly."
            self._turn_away(Refused(503, "too_many_connections", text, (("retry-after", "1"),)))

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._close:
            return
        if self._idle_since:
            self._head_bytes += len(data)
            if self._head_bytes > self._listening.settings.max_header_bytes or not self._messages:
                self._watch_head()
        elif self._payload is not None:
            self._watch_body()

    def _watch_head(self) -> None:
        """A head that has not ended yet, or that came with much data."""
        limit = self._listening.settings.max_header_bytes
        if self._messages:
            message = self._messages[0][0]
            lines = getattr(message, "raw_headers", ())
            if sum(len(name) + len(value) + 4 for name, value in lines) > limit:
                self.barred = _head_too_long(limit)
        elif self._head_bytes > limit:
            self._turn_away(_head_too_long(limit))
        elif not self._head_since:
            self._head_since = self._loop.time()

    def _watch_body(self) -> None:
        """aiohttp reports a body that is framed badly as a broken next message and leaves the body's reader waiting."""
        if self._payload is not None and self._messages and type(self._messages[-1][0]) is not RawRequestMessage:
            self._payload.set_exception(
                ClientError(400, "invalid_body", "The request body is not framed as HTTP/1.1 wants it.")
            )

    # -- what the server tells

    def drain(self) -> None:
        """Take no further request: close now when idle, else after the reply that is under way."""
        self._draining = True
        if self._idle_since and not self._messages:
            self.force_close()

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What answers its requests."""
        return self._task_handler

    def cancel(self) -> None:
        """End what is under way; the exchange is settled."""
        if self._task_handler is not None:
            self._task_handler.cancel()
        if self.transport is not None:
            self.transport.abort()

    def look(self, now: float) -> None:
        """Called once a second: end what takes too long."""
        settings = self._listening.settings
        if self._idle_since:
            if self._messages:
                return
            if self._head_since:
                if now - self._head_since > settings.header_timeout_s:
                    self._turn_away(Refused(408, "request_timeout", "The head of the request did not arrive in time."))
            elif now - self._idle_since > settings.idle_timeout_s:
                self.force_close()
        elif self._payload is not None:
            if now - self._body_moved > settings.body_timeout_s or now - self._body_began > settings.body_total_s:
                self._payload.set_exception(
                    ClientError(408, "request_timeout", "The request body did not arrive in time. Send it again.")
                )
        elif self._send_since and self.transport is not None:
            left = self.transport.get_write_buffer_size()
            if left < self._sent_left:  # slow is not stuck
                self._send_since = now
            elif now - self._send_since > settings.send_timeout_s:
                self.transport.abort()
            self._sent_left = left
        elif self._exchange is not None and settings.keepalive_s:
            self._silence.look(self, self._exchange, now, settings.keepalive_s)

    def begin(self, ex: Exchange) -> Reply | None:
        """The head of a reply that is still to come, where one may be begun."""
        return self._listening.gateway.begin(ex)

    @property
    def busy(self) -> bool:
        """Whether an exchange is under way."""
        return self._exchange is not None

    # -- what a body tells

    def body_begins(self, payload: StreamReader) -> None:
        """Somebody waits for the body."""
        self._payload = payload
        self._body_began = self._body_moved = self._loop.time()
        self._watch_body()

    def body_moves(self) -> None:
        """A piece has arrived."""
        self._body_moved = self._loop.time()

    def body_ends(self) -> None:
        """Nobody waits any more."""
        self._payload = None

    @property
    def date(self) -> str:
        """The Date header of this second."""
        return self._listening.date

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on."""
        return self._loop

    @property
    def gone(self) -> bool:
        """The client cannot be reached any more."""
        return self.transport is None or self.transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes now. Raises ConnectionError when the client is gone."""
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        transport.write(data)

    def write_all(self, pieces: tuple[bytes, ...]) -> None:
        """Send several pieces without copying them together. Raises ConnectionError when the client is gone."""
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        transport.writelines(pieces)

    # -- the loop

    async def start(self) -> None:
        """Answer requests until the connection ends."""
        try:
            while not self._force_close:
                if not self._messages:
                    if self._draining:
                        break
                    await self._next_message()
                self._idle_since = 0.0
                message, payload = self._messages.popleft()
                if self._parser is not None:
                    self._parser.message_consumed()
                if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                    self._resume_reading_if_drained()
                self._listening.requests_count += 1
                if not await self._serve(message, payload):
                    break
        except (ConnectionError, BrokenReply):
            pass
        except asyncio.CancelledError:
            self.force_close()
            raise
        except Exception:
            log.exception("connection failed")
            if self.transport is not None:
                self.transport.abort()
        self._task_handler = None
        if self.transport is not None:
            self.transport.close()

    async def _next_message(self) -> None:
        if not self._idle_since:  # on a new connection a head may have begun before this task ran
            self._head_since = 0.0
            self._head_bytes = 0
            self._idle_since = self._loop.time()
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    async def _serve(self, message: Any, payload: StreamReader) -> bool:
        """Answer one request. False ends the connection."""
        if type(message) is not RawRequestMessage:
            self.refuse(_invalid(message, self._listening.settings.max_header_bytes))
            await self._linger()
            return False
        gateway = self._listening.gateway
        try:
            if self.barred is not None:
                raise self.barred
            ex = self._listening.intake.exchange(message, payload, self, gateway.snapshot)
            if self.scheme == "https":
                self._listening.check_host(self, ex.host)
        except Refused as error:
            self.refuse(error)
            await self._linger()
            return False
        self._exchange = ex
        close = message.should_close
        self.chunked = message.version >= HttpVersion11
        try:
            reply = ex.reply = await gateway.answer(ex)
            close = close or self._draining or not payload.is_eof()
            if reply.stream is None and not ex.begun:
                close = await send_whole(self, ex, reply, close)
            else:
                close = await send_stream(self, ex, reply, close)
        except BrokenReply:
            raise
        except BaseException:
            ex.aborted = True
            raise
        finally:
            self._exchange = None
            gateway.finish(ex)
        if not payload.is_eof():
            await self._linger()
            return False
        return not close

    # -- writing

    async def wait_for_client(self) -> None:
        """The client reads more slowly than we write."""
        assert self.transport is not None
        self._sent_left = self.transport.get_write_buffer_size()
        self._send_since = self._loop.time()
        try:
            await self._drain_helper()
        finally:
            self._send_since = 0.0

    def break_off(self) -> None:
        """End the connection so that the client sees it broken, also where a plain end would mean a whole answer."""
        transport = self.transport
        if transport is None:
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()

    def refuse(self, error: Refused) -> None:
        """Answer without the gateway; the connection ends after it."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(refusal(error.status, error.code, error.message, self._listening.date, error.headers))

    def _turn_away(self, error: Refused) -> None:
        """Answer with an error though no request has been read; what comes further is thrown away."""
        self._close = True
        cast(Any, self._messages).append((error, EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _linger(self) -> None:
        """Throw away what the client still sends until it has seen the answer and leaves (the task is cancelled then),
        for a moment: closing with unread bytes would make its system discard the answer."""
        self._close = True  # aiohttp drops what is received from here on
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        self._resume_transport_reading()
        if transport.can_write_eof():
            transport.write_eof()
        await asyncio.sleep(self._listening.settings.linger_s)


def _head_too_long(limit: int) -> Refused:
    return Refused(431, "header_too_large", f"The head of the request is longer than {limit} bytes.")


def _invalid(message: Any, limit: int) -> Refused:
    """What aiohttp's parser found, without its quotations of the input."""
    if isinstance(message, Refused):
        return message
    cause = message.exc
    if isinstance(cause, LineTooLong) or "Too many headers" in str(cause):
        return _head_too_long(limit)
    reasons = _REASON.findall(str(cause))
    found = reasons[-1] if reasons else type(cause).__name__
    return Refused(400, "bad_request", f"The request is not valid HTTP/1.1: {found}.")
