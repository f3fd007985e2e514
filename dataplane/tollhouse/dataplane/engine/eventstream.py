"""AWS event-stream framing (``application/vnd.amazon.eventstream``): bytes in, cut anywhere, messages out; and back.

A message is: total length, length of its headers, checksum of these two, headers, payload, checksum of all of it; the
numbers are big-endian, the checksums CRC-32.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

MAX_MESSAGE = 16 << 20
"""AWS's own bound on a payload."""

_PRELUDE = struct.Struct(">III")
_STRING = 7
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header value by its type; strings and byte arrays tell their length."""


class BrokenStream(ValueError):
    """The bytes are not messages of an event stream."""


@dataclass(slots=True)
class Message:
    """One message: its headers that are strings (``:event-type``, ``:exception-type``), and its payload."""

    headers: dict[str, str]
    payload: bytes


class MessageReader:
    """Reads one stream incrementally. Not safe to share; after BrokenStream it is of no further use."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def empty(self) -> bool:
        """Whether nothing is left of a message that was cut."""
        return not self._held

    def feed(self, data: bytes) -> list[Message]:
        """The messages these bytes complete. Raises BrokenStream."""
        self._held += data
        messages: list[Message] = []
        start = 0
        while len(self._held) - start >= _PRELUDE.size:
            total, header_size, checksum = _PRELUDE.unpack_from(self._held, start)
            if crc32(self._held[start : start + 8]) != checksum:
                raise BrokenStream("the checksum of a message's length is wrong")
            if not 16 + header_size <= total <= MAX_MESSAGE:
                raise BrokenStream(f"a message says it has {total} bytes")
            if len(self._held) - start < total:
                break
            messages.append(_message(bytes(self._held[start : start + total]), header_size))
            start += total
        del self._held[:start]
        return messages

    def close(self) -> list[Message]:
        """The stream ended: of a message that was cut nothing can be had."""
        return []


def _message(data: bytes, header_size: int) -> Message:
    if crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
        raise BrokenStream("the checksum of a message is wrong")
    at, end = _PRELUDE.size, _PRELUDE.size + header_size
    headers: dict[str, str] = {}
    try:
        while at < end:
            size = data[at]
            name = data[at + 1 : at + 1 + size].decode()
            kind = data[at + 1 + size]
            at += 2 + size
            if kind in _FIXED:
                at += _FIXED[kind]
                continue
            length = int.from_bytes(data[at : at + 2], "big")
            if kind == _STRING:
                headers[name] = data[at + 2 : at + 2 + length].decode()
            at += 2 + length
    except (IndexError, UnicodeDecodeError):
        raise BrokenStream("the headers of a message cannot be read") from None
    if at != end:
        raise BrokenStream("the headers of a message cannot be read")
    return Message(headers, data[end:-4])


def write_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message."""
    written = b"".join(
        bytes([len(name)]) + name.encode() + bytes([_STRING]) + len(value.encode()).to_bytes(2, "big") + value.encode()
        for name, value in headers.items()
    )
    sizes = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    whole = sizes + crc32(sizes).to_bytes(4, "big") + written + payload
    return whole + crc32(whole).to_bytes(4, "big")
