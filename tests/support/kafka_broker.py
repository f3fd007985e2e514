"""As much of a Kafka broker as a producer needs: one topic, one partition, spoken with the client's own messages."""

from __future__ import annotations

import asyncio
import io
import ssl
import struct
from typing import Any

from aiokafka.protocol.admin import (
    ApiVersionResponse_v0,
    SaslAuthenticateRequest_v0,
    SaslAuthenticateResponse_v0,
    SaslHandShakeRequest_v1,
    SaslHandShakeResponse_v1,
)
from aiokafka.protocol.metadata import MetadataRequest_v0, MetadataResponse_v0, MetadataResponse_v1
from aiokafka.protocol.produce import ProduceRequest_v3, ProduceResponse_v3
from aiokafka.record import MemoryRecords

from tests.support.kafka_sasl import SignIn

PRODUCE, METADATA, HANDSHAKE, VERSIONS, AUTHENTICATE = 0, 3, 17, 18, 36
REFUSED = 58
TOO_LARGE = 10


class Broker:
    """Keeps what is produced: ``(topic, key, value)``. With passwords, only from those who signed in."""

    def __init__(self, tls: ssl.SSLContext | None = None, passwords: dict[str, str] | None = None) -> None:
        self._tls = tls
        self._passwords = passwords
        self.users: list[str] = []
        """Who signed in."""
        self.messages: list[tuple[str, bytes | None, bytes]] = []
        self.acks: list[int] = []
        self.refuse_after: int | None = None
        """Once so many messages are here, further ones are refused (as too large, which the client does not retry)."""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> Broker:
        """Listen, again on the same port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
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
        sign_in: SignIn | None = None
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                body = io.BytesIO(await reader.readexactly(size))
                api, version, correlation, length = struct.unpack(">hhih", body.read(10))
                body.read(max(0, length))
                if api == HANDSHAKE:
                    sign_in = SignIn(SaslHandShakeRequest_v1.decode(body).mechanism, self._passwords or {})
                    told = bytes(SaslHandShakeResponse_v1(0, [sign_in.mechanism]).encode())
                elif api == AUTHENTICATE and sign_in is not None:
                    told = self._authenticated(sign_in, SaslAuthenticateRequest_v0.decode(body).sasl_auth_bytes)
                elif self._passwords is None or api == VERSIONS or (sign_in is not None and sign_in.user):
                    told = self._answer(api, version, body)
                else:
                    raise ConnectionError("nobody signed in")
                answer = struct.pack(">i", correlation) + told
                writer.write(struct.pack(">i", len(answer)) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _authenticated(self, sign_in: SignIn, message: bytes) -> bytes:
        try:
            answer = sign_in.step(message)
        except PermissionError:
            return bytes(SaslAuthenticateResponse_v0(REFUSED, "that is not the password", b"").encode())
        if sign_in.user:
            self.users.append(sign_in.user)
        return bytes(SaslAuthenticateResponse_v0(0, "", answer).encode())

    def _answer(self, api: int, version: int, body: io.BytesIO) -> bytes:
        if api == VERSIONS:
            versions = [(PRODUCE, 3, 3), (METADATA, 0, 1), (VERSIONS, 0, 0), (HANDSHAKE, 1, 1), (AUTHENTICATE, 0, 0)]
            return bytes(ApiVersionResponse_v0(0, versions).encode())
        if api == METADATA:
            topics = MetadataRequest_v0.decode(body).topics or ["logs"]
            return self._metadata(version, topics)
        request = ProduceRequest_v3.decode(body)
        self.acks.append(request.required_acks)
        full = self.refuse_after is not None and len(self.messages) >= self.refuse_after
        for topic, partitions in request.topics:
            for _, records in partitions:
                if not full:
                    self._keep(topic, records)
        code = TOO_LARGE if full else 0
        answered = [(topic, [(part, code, 0, -1) for part, _ in partitions]) for topic, partitions in request.topics]
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
