"""Has the kernel find out when the other side is gone without a word: its machine, or the way to it."""

from __future__ import annotations

import asyncio
import socket

FIRST_S = 10
"""Seconds of silence before the other side's kernel is asked whether it is still there."""
AGAIN_S = 5
GIVEN_UP_S = 20
"""Seconds without an answer from it, be it to that question or to what was sent, after which the connection is lost."""

_OPTIONS = (
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", FIRST_S),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", AGAIN_S),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", max(1, (GIVEN_UP_S - AGAIN_S) // AGAIN_S)),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", GIVEN_UP_S * 1000),
)
"""Those a system does not have are left out."""


def watch(transport: asyncio.BaseTransport | None) -> None:
    """For as long as the connection lives. A process that hangs is not noticed by this: its kernel answers."""
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for level, name, value in _OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(level, option, value)
