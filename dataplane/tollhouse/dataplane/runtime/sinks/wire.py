"""Plain connections to log servers: TCP, TLS and UDP."""

from __future__ import annotations

import asyncio
import ssl

from tollhouse.dataplane.services import Wire, WireTarget


class StreamWire:
    """TCP or TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout_s = timeout_s

    async def send(self, data: bytes) -> None:
        """See the port."""
        if self._reader.at_eof() or self._writer.is_closing():
            raise ConnectionResetError("the server closed the connection")
        self._writer.write(data)
        async with asyncio.timeout(self._timeout_s):
            await self._writer.drain()

    def close(self) -> None:
        """See the port."""
        self._writer.close()


class DatagramWire:
    """UDP: nobody knows whether it arrives."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    async def send(self, data: bytes) -> None:
        """See the port."""
        self._transport.sendto(data)

    def close(self) -> None:
        """See the port."""
        self._transport.close()


async def dial(target: WireTarget) -> Wire:
    """See ``Services.dial``."""
    async with asyncio.timeout(target.timeout_s):
        if target.kind == "udp":
            loop = asyncio.get_running_loop()
            address = (target.host, target.port)
            transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=address)
            return DatagramWire(transport)
        context = ssl.create_default_context() if target.kind == "tls" else None
        reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
        return StreamWire(reader, writer, target.timeout_s)
