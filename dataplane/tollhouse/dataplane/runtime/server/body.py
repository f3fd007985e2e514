"""A request body, read when somebody wants it and never beyond its limits."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

from aiohttp import StreamReader
from aiohttp.http import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from tollhouse.dataplane.errors import ClientError

if TYPE_CHECKING:
    from tollhouse.dataplane.runtime.server.connection import ClientConnection

_DECODABLE = ("gzip", "x-gzip", "deflate")
_IN_THREAD_ABOVE = 128 * 1024
"""Compressed bodies longer than this are decompressed beside the loop."""


class RequestBody:
    """The body of one exchange. ``read`` is the exchange's ``read_body``."""

    __slots__ = ("_connection", "_data", "_declared", "_encoding", "_expects", "_limit", "_payload")

    def __init__(
        self,
        connection: ClientConnection,
        payload: StreamReader,
        limit: int,
        declared: str | None,
        encoding: str,
        expects: bool,
    ) -> None:
        self._connection = connection
        self._payload = payload
        self._limit = limit
        self._declared = declared
        self._encoding = encoding
        self._expects = expects
        """The client waits for "100 Continue" before it sends."""
        self._data: bytes | None = None

    async def read(self) -> bytes:
        """The whole body, decompressed; the same again when asked again. Raises ClientError 400, 408, 413, 415."""
        if self._data is None:
            if self._encoding and self._encoding not in _DECODABLE:
                raise ClientError(
                    415,
                    "unsupported_content_encoding",
                    f"The content encoding {self._encoding[:40]!r} is not supported. Send gzip or deflate, or none.",
                    headers={"accept-encoding": "gzip, deflate"},
                )
            if self._declared is not None and len(self._declared) > 6 and int(self._declared) > self._limit:
                raise self._too_long()
            data = self._payload.read_nowait() if self._payload.is_eof() else await self._arriving()
            if len(data) > self._limit:
                raise self._too_long()
            self._data = await self._decoded(data) if self._encoding and data else data
        return self._data

    async def _arriving(self) -> bytes:
        connection, payload = self._connection, self._payload
        if self._expects:
            connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        pieces: list[bytes] = []
        size = 0
        connection.body_begins(payload)
        try:
            while piece := await payload.readany():
                size += len(piece)
                if size > self._limit:
                    raise self._too_long()
                pieces.append(piece)
                connection.body_moves()
        except (RequestPayloadError, HttpProcessingError) as error:
            raise ClientError(400, "invalid_body", f"The request body is not framed correctly: {error}.") from None
        finally:
            connection.body_ends()
        return b"".join(pieces)

    async def _decoded(self, data: bytes) -> bytes:
        try:
            if len(data) > _IN_THREAD_ABOVE:
                decoded = await asyncio.to_thread(decompress, data, self._limit)
            else:
                decoded = decompress(data, self._limit)
        except zlib.error as error:
            raise ClientError(
                400, "invalid_body", f"The request body cannot be decompressed as {self._encoding}: {error}."
            ) from None
        if len(decoded) > self._limit:
            raise self._too_long()
        return decoded

    def _too_long(self) -> ClientError:
        return ClientError(
            413,
            "request_too_large",
            f"The request body is longer than {self._limit} bytes. Send a shorter one.",
            apisix_body={"error_msg": "request body is too large"},
        )


def decompress(data: bytes, limit: int) -> bytes:
    """gzip (several members too), zlib or bare deflate; stops just above ``limit``. Raises zlib.error."""
    plain = b""
    while data:
        try:
            inflater = zlib.decompressobj(wbits=47)
            plain += inflater.decompress(data, limit + 1 - len(plain))
        except zlib.error:
            if plain or data[:2] == b"\x1f\x8b":
                raise
            inflater = zlib.decompressobj(wbits=-15)  # "deflate" without its zlib coat, as some clients send it
            plain = inflater.decompress(data, limit + 1)
        if len(plain) > limit:
            return plain
        if not inflater.eof:
            raise zlib.error("it ends too early")
        data = inflater.unused_data
    return plain
