"""As much of a Kafka broker as a producer needs: one topic, one partition, spoken with the client's own messages."""

from __future__ import annotations

import asyncio
import io
import struct
from typing import Any

from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.metadata import MetadataRequest_v0, MetadataResponse_v0, MetadataResponse_v1
from aiokafka.protocol.produce import ProduceRequest_v3, ProduceResponse_v3
from aiokafka.record import MemoryRecords

PRODUCE, METADATA, VERSIONS = 0, 3, 18


class Broker:
    """Keeps what is produced: ``(topic, key, value)``."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes | None, bytes]] = []
        self.acks: list[int] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> Broker:
        """Listen, again on the same port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Hang up on everybody."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def until(self, count: int, seconds: float = 10) -> list[tuple[str, bytes | None, bytes]]:
        """The messages, once so many are there."""
        async with asyncio.timeout(seconds):
            while len(self.messages) < count:
                await asyncio.sleep(0.02)
        return self.messages

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                body = io.BytesIO(await reader.readexactly(size))
                api, version, correlation, length = struct.unpack(">hhih", body.read(10))
                body.read(max(0, length))
                answer = struct.pack(">i", correlation) + self._answer(api, version, body)
                writer.write(struct.pack(">i", len(answer)) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, api: int, version: int, body: io.BytesIO) -> bytes:
        if api == VERSIONS:
            return bytes(ApiVersionResponse_v0(0, [(PRODUCE, 3, 3), (METADATA, 0, 1), (VERSIONS, 0, 0)]).encode())
        if api == METADATA:
            topics = MetadataRequest_v0.decode(body).topics or ["logs"]
            return self._metadata(version, topics)
        request = ProduceRequest_v3.decode(body)
        self.acks.append(request.required_acks)
        for topic, partitions in request.topics:
            for _, records in partitions:
                self._keep(topic, records)
        answered = [(topic, [(number, 0, 0, -1) for number, _ in partitions]) for topic, partitions in request.topics]
        return bytes(ProduceResponse_v3(answered, 0).encode())

    def _metadata(self, version: int, topics: list[str]) -> bytes:
        partitions = [(0, 0, 1, [1], [1])]
        if version == 0:
            made: Any = MetadataResponse_v0([(1, "127.0.0.1", self.port)], [(0, topic, partitions) for topic in topics])
        else:
            brokers = [(1, "127.0.0.1", self.port, None)]
            made = MetadataResponse_v1(brokers, 1, [(0, topic, False, partitions) for topic in topics])
        return bytes(made.encode())

    def _keep(self, topic: str, records: bytes) -> None:
        batches = MemoryRecords(records)
        while batches.has_next():
            batch = batches.next_batch()
            assert batch is not None
            for record in batch:
                self.messages.append((topic, record.key, record.value or b""))
