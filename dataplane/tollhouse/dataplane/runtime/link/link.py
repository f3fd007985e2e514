"""The wire between a node's supervisor and one worker: length-prefixed msgpack messages over a Unix socket."""

from __future__ import annotations

import asyncio
import itertools
import logging
import struct
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import msgspec
from tollhouse.dataplane.runtime.link.messages import Message, Refusal

log = logging.getLogger("tollhouse.link")

_HEAD = struct.Struct(">IBI")
"""Length of the payload, kind of the frame, correlation of a question with its answer."""

TELL, ASK, ANSWER = 0, 1, 2

LARGEST_FRAME = 512 * 1024 * 1024
"""A full batch of a very large configuration; anything longer is a broken peer."""

MOST_QUESTIONS = 20_000
"""Questions that may wait for their answer at once."""

MOST_BUFFERED = 512 * 1024 * 1024
"""Bytes the peer has not read yet. A peer this far behind is stuck; the link is cut."""

AnswerT = TypeVar("AnswerT")
_DECODER = msgspec.msgpack.Decoder(Message)
_ENCODER = msgspec.msgpack.Encoder()


class LinkError(Exception):
    """A question stayed without a proper answer."""


class LinkLost(LinkError):
    """The peer is gone."""


def encode_tell(message: Message) -> bytes:
    """A whole frame, to be sent to several peers without encoding it again."""
    payload = _ENCODER.encode(message)
    return _HEAD.pack(len(payload), TELL, 0) + payload


class Link(asyncio.Protocol):
    """One end. Frames written within one turn of the loop leave in one system call.

    ``on_tell`` gets messages that want no answer; ``on_ask`` answers questions, at once or with an awaitable.
    """

    def __init__(
        self,
        on_tell: Callable[[Message], None],
        on_ask: Callable[[Message], Message | Awaitable[Message]],
        on_lost: Callable[[], None],
    ) -> None:
        self._on_tell = on_tell
        self._on_ask = on_ask
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._outgoing: list[bytes] = []
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self.lost = False

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's; a stream always gets one that can write.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._received
        buffer += data
        start, end = 0, len(buffer)
        while end - start >= _HEAD.size:
            length, kind, number = _HEAD.unpack_from(buffer, start)
            if length > LARGEST_FRAME:
                log.error("link broken: frame of %d bytes", length)
                self.abort()
                return
            begin = start + _HEAD.size
            if end - begin < length:
                break
            start = begin + length
            self._frame(kind, number, bytes(memoryview(buffer)[begin:start]))
        if start:
            del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        if self.lost:
            return
        self.lost = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LinkLost("the other process is gone"))
        self._waiting.clear()
        for task in self._answering:
            task.cancel()
        self._on_lost()

    # -- sending

    def tell(self, message: Message) -> None:
        """Send without waiting for an answer; into the void when the peer is gone."""
        self.send_frame(encode_tell(message))

    def send_frame(self, frame: bytes) -> None:
        """Send what ``encode_tell`` made."""
        if self.lost or self._transport is None:
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(frame)

    async def ask(self, message: Message, answer: type[AnswerT], timeout_s: float) -> AnswerT:
        """The peer's answer. Raises LinkError: no answer in time, another kind of answer, too many questions, or the
        peer is gone (LinkLost)."""
        if self.lost:
            raise LinkLost("the other process is gone")
        if len(self._waiting) >= MOST_QUESTIONS:
            raise LinkError(f"{MOST_QUESTIONS} questions wait for an answer already")
        number = next(self._numbers) & 0xFFFFFFFF
        future: asyncio.Future[Message] = self._loop.create_future()
        self._waiting[number] = future
        timer = self._loop.call_later(timeout_s, self._give_up, future, timeout_s)
        try:
            self._send(ASK, number, message)
            got = await future
        finally:
            timer.cancel()
            self._waiting.pop(number, None)
        if not isinstance(got, answer):
            raise LinkError(got.reason if isinstance(got, Refusal) else f"unexpected answer {type(got).__name__}")
        return got

    @staticmethod
    def _give_up(future: asyncio.Future[Message], timeout_s: float) -> None:
        if not future.done():
            future.set_exception(LinkError(f"no answer within {timeout_s:g} s"))

    def close(self) -> None:
        """Send what is pending, then close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _send(self, kind: int, number: int, message: Message) -> None:
        payload = _ENCODER.encode(message)
        self.send_frame(_HEAD.pack(len(payload), kind, number) + payload)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        if self._transport is None or self.lost or not frames:
            return
        self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        if self._transport.get_write_buffer_size() > MOST_BUFFERED:
            log.error("link cut: the other process does not read")
            self.abort()

    # -- receiving

    def _frame(self, kind: int, number: int, payload: bytes) -> None:
        try:
            message = _DECODER.decode(payload)
        except msgspec.DecodeError as error:
            log.error("link broken: %s", error)
            self.abort()
            return
        if kind == ANSWER:
            future = self._waiting.pop(number, None)
            if future is not None and not future.done():
                future.set_result(message)
        elif kind == ASK:
            self._answer(number, message)
        else:
            try:
                self._on_tell(message)
            except Exception:
                log.exception("message not handled: %s", type(message).__name__)

    def _answer(self, number: int, message: Message) -> None:
        try:
            answer = self._on_ask(message)
        except Exception as error:
            log.exception("question not answered: %s", type(message).__name__)
            answer = Refusal(f"internal error: {type(error).__name__}")
        if isinstance(answer, Awaitable):
            task = self._loop.create_task(self._answer_later(number, message, answer))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        else:
            self._send(ANSWER, number, answer)

    async def _answer_later(self, number: int, message: Message, answer: Awaitable[Message]) -> None:
        try:
            self._send(ANSWER, number, await answer)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("question not answered: %s", type(message).__name__)
            self._send(ANSWER, number, Refusal(f"internal error: {type(error).__name__}"))
