"""Sends replies: whole ones in one write, streams piece by piece, no faster than the client takes them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.runtime.server.output import BrokenReply, has_no_body, reply_head
from tollhouse.dataplane.runtime.server.target import Refused

if TYPE_CHECKING:
    from tollhouse.dataplane.runtime.server.connection import ClientConnection

log = logging.getLogger("tollhouse.server")

_JOIN_BELOW = 32 * 1024
"""Replies and pieces shorter than this are joined with their framing into one write; longer ones are not copied."""


async def send_whole(client: ClientConnection, ex: Exchange, reply: Reply, close: bool) -> bool:
    """Send head and body at once. Returns whether the connection must be closed. Raises ConnectionError."""
    body, status = reply.body, reply.status
    length: int | None = len(body)
    if ex.method == "HEAD":
        length, body = length or None, b""
    elif has_no_body(status):
        length, body = None, b""
    try:
        head = reply_head(status, reply.headers, length, client.date, close=close, chunked=False)
    except BrokenReply:
        log.error("a reply header holds a line break", extra={"request_id": ex.id})
        client.refuse(Refused(500, "gateway_fault", "The gateway failed to handle the request."))
        return True
    if len(body) < _JOIN_BELOW:
        client.write(head + body)
    else:
        client.write_all((head, body))
    ex.first_reply_byte_s = time.monotonic()
    ex.reply_bytes = len(head) + len(body)
    if client.writing_paused:
        await client.wait_for_client()
    return close


async def send_stream(client: ClientConnection, ex: Exchange, reply: Reply, close: bool) -> bool:
    """Send a stream; its iterator is closed whatever happens. The head is not sent again where the reply was begun
    already, and a whole body then goes as the only piece. Returns whether the connection must be closed. Raises
    ConnectionError, and BrokenReply when the stream broke: the connection is reset then, without a last chunk, so that
    nobody takes half an answer for a whole one."""
    stream = reply.stream if reply.stream is not None else _one_piece(reply.body)
    chunked = client.chunked
    bodiless = ex.method == "HEAD" or has_no_body(reply.status)
    close = close or not (chunked or bodiless)
    chunked = chunked and not bodiless
    held: list[bytes] = []
    client.last_piece = b""
    # Head and first piece go out together when the piece is there already, else the head goes as soon as we wait.
    release = client.loop.call_soon(_release, client, held)
    try:
        if ex.begun:
            close = True
        else:
            head = reply_head(reply.status, reply.headers, None, client.date, close=close, chunked=chunked)
            held.append(head)
            ex.reply_bytes = len(head)
        if bodiless:
            return close
        async for piece in stream:
            if piece:
                _send_piece(client, ex, piece, held, chunked)
                client.last_piece = piece
                if client.writing_paused:
                    await client.wait_for_client()
        if chunked:
            held.append(b"0\r\n\r\n")
    except asyncio.CancelledError:
        held.clear()
        raise
    except Exception as error:
        held.clear()
        if client.gone:
            raise
        ex.error = ex.error or error
        log.warning("stream broke", extra={"request_id": ex.id, "error": type(error).__name__})
        client.break_off()
        raise BrokenReply from error
    finally:
        release.cancel()
        _release(client, held)
        closing = getattr(stream, "aclose", None)
        if closing is not None:
            await closing()
    return close


async def _one_piece(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _send_piece(client: ClientConnection, ex: Exchange, piece: bytes, held: list[bytes], chunked: bool) -> None:
    size = len(piece)
    if ex.first_reply_byte_s is None:
        ex.first_reply_byte_s = time.monotonic()
    if chunked and size < _JOIN_BELOW:
        framed = b"%x\r\n%b\r\n" % (size, piece)
        client.write(held.pop() + framed if held else framed)
    else:
        _release(client, held)
        client.write_all((b"%x\r\n" % size, piece, b"\r\n") if chunked else (piece,))
    ex.reply_bytes += size


def _release(client: ClientConnection, held: list[bytes]) -> None:
    """Send what was held back to go with the next piece."""
    if held and not client.gone:
        client.write(b"".join(held))
    held.clear()
