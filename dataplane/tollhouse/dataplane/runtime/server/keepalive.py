"""Signs of life for who waits for a stream: proxies and clients give up on connections that are silent too long.

They cost a request nothing: the server's look around once a second notices that nothing was sent since the last one.
Before there is a reply they begin it, which settles its status; later they stand between two events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.runtime.server.output import BrokenReply, reply_head

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.runtime.server.connection import ClientConnection

_EVENT_ENDS = (b"\n\n", b"\r\n\r\n")


class Silence:
    """How long nothing has been sent to one client."""

    __slots__ = ("_mark", "_since")

    def __init__(self) -> None:
        self._mark = ("", 0)
        self._since = 0.0

    def look(self, client: ClientConnection, ex: Exchange, now: float, limit_s: float) -> None:
        """Called every so often while ``ex`` is under way: a sign of life when nothing has moved for ``limit_s``."""
        mark = (ex.id, ex.reply_bytes)
        if mark != self._mark:
            self._mark = mark
            self._since = now
        elif now - self._since >= limit_s:
            _keep_alive(client, ex)


def _keep_alive(client: ClientConnection, ex: Exchange) -> None:
    """If its format has one and this is a place for it."""
    protocol = ex.protocol
    if protocol is None or not protocol.keepalive or client.gone or client.writing_paused:
        return
    if ex.reply is None:
        if not ex.begun:
            head = _begin(client, ex)
            if not head:
                return
            ex.reply_bytes = len(head)
            client.write(head)
        _send(client, ex, protocol.keepalive)
    elif ex.reply.stream is None or not (ex.reply.header("content-type") or "").startswith(protocol.stream_type):
        return
    elif not client.last_piece or client.last_piece.endswith(_EVENT_ENDS):
        _send(client, ex, protocol.keepalive)


def _begin(client: ClientConnection, ex: Exchange) -> bytes:
    """The head of a reply whose first event is still to come; empty where none may be begun."""
    early = client.begin(ex) if client.chunked else None
    if early is None:
        return b""
    try:
        return reply_head(early.status, early.headers, None, client.date, close=True, chunked=True)
    except BrokenReply:
        ex.begun = False
        return b""


def _send(client: ClientConnection, ex: Exchange, data: bytes) -> None:
    client.write(b"%x\r\n%b\r\n" % (len(data), data) if client.chunked else data)
    ex.reply_bytes += len(data)
