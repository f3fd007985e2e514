"""What the system knows of a connection's socket before the loop has told."""

from __future__ import annotations

import asyncio
import fcntl
import select
import struct
import termios


def readable(transport: asyncio.Transport) -> bool:
    """Whether something waits to be read: an end of the connection, or bytes."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def undelivered(transport: asyncio.Transport) -> bool:
    """Whether bytes written have not reached the other side yet. Transports only know of what they hold themselves,
    and TLS ones not even that."""
    if transport.get_write_buffer_size() > 0:
        return True
    sock = transport.get_extra_info("socket")
    if sock is None:
        return False
    try:
        queued: int = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    except OSError:  # not every system tells
        return False
    return queued > 0
