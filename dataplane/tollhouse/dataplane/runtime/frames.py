"""Records in append-only files: length, checksum, payload. What a crash cut short is recognised and left out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from zlib import crc32

_HEAD = struct.Struct(">II")

LARGEST = 1 << 20
"""A longer record is none: the file is damaged there."""


class Damaged(Exception):
    """Bytes that are no record stand where one should; ``offset`` is where."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"no record at byte {offset}")
        self.offset = offset


def frame(payload: bytes) -> bytes:
    """A record as it stands in a file."""
    return _HEAD.pack(len(payload), crc32(payload)) + payload


def read_frames(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """``(payload, offset behind it)`` of every whole record. Stops quietly where the last one is cut short; raises
    Damaged where bytes are wrong."""
    at = start
    while len(data) - at >= _HEAD.size:
        length, checksum = _HEAD.unpack_from(data, at)
        if length > LARGEST:
            raise Damaged(at)
        end = at + _HEAD.size + length
        if end > len(data):
            return
        payload = data[at + _HEAD.size : end]
        if crc32(payload) != checksum:
            raise Damaged(at)
        yield payload, end
        at = end
