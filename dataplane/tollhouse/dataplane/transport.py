"""The port to upstream servers: one HTTP/1.1 request out, one response back. ``runtime/upstream`` implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

Phase = Literal["dns", "connect", "tls", "send", "first_byte", "idle", "framing", "size", "closed", "total", "pool"]


class TransportError(Exception):
    """The exchange with an upstream server broke."""

    def __init__(self, phase: Phase, message: str, *, timed_out: bool = False, request_sent: bool = False) -> None:
        super().__init__(message)
        self.phase: Phase = phase
        self.message = message
        self.timed_out = timed_out
        self.request_sent = request_sent
        """Whether any byte of the request may have reached the server: then it may have been billed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes; connections are pooled per origin. Hashable."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    verify: bool = True
    server_name: str = ""
    """TLS SNI and the name verified, when it is not ``host``."""
    client_cert: str = ""
    client_key: str = ""
    """PEM text, for mTLS to the upstream."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds per phase; each is the longest wait, not a sum. ``total_s`` bounds the whole response when not None."""

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    idle_s: float = 60.0
    send_s: float = 60.0
    total_s: float | None = None


class UpstreamRequest:
    """One request. ``headers`` are complete except for framing: the transport adds ``content-length`` (or chunked
    transfer coding for an iterator body) and ``host`` when absent. Names and values must be clean of CR, LF and NUL."""

    __slots__ = ("body", "headers", "method", "origin", "target", "timeouts")

    def __init__(
        self,
        method: str,
        origin: Origin,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] = b"",
        timeouts: Timeouts | None = None,
    ) -> None:
        self.method = method
        self.origin = origin
        self.target = target
        """Path and query, as it goes on the request line."""
        self.headers = headers
        self.body = body
        self.timeouts = timeouts or Timeouts()


class UpstreamResponse(ABC):
    """A response whose head has arrived. Read it to the end or ``close`` it; leaving it open leaks a connection."""

    status: int
    headers: list[tuple[str, str]]
    """Names in lower case, in order, framing and hop-by-hop headers included."""

    @property
    def unshown(self) -> bytes:
        """What has come and is held back, for whoever counts it."""
        return b""

    @abstractmethod
    def header(self, name: str) -> str | None:
        """The first value of a header (lower-case name)."""

    @abstractmethod
    async def chunk(self) -> bytes:
        """The next piece of the body, whatever has arrived; ``b""`` at the end. Raises TransportError."""

    @abstractmethod
    async def read(self, limit: int) -> bytes:
        """The whole body. Raises TransportError when it is longer than ``limit`` bytes (phase ``size``), or goes on
        for ever in small pieces (``total``)."""

    @abstractmethod
    def close(self) -> None:
        """Abandon the response: the connection is closed unless the body was read to its end. Idempotent."""


class Transport(ABC):
    """Sends requests over pooled connections. One per worker, shared by all exchanges."""

    @abstractmethod
    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Raises TransportError. Cancelling it closes the connection promptly."""

    @abstractmethod
    async def close(self) -> None:
        """Close all connections."""
