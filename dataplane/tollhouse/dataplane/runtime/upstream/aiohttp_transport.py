"""The same interface on aiohttp's client: slower, written by others, and so the yardstick of the lean one's tests."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from tollhouse.dataplane.runtime.upstream.framing import FramingError, body_length, check_status, request_head
from tollhouse.dataplane.runtime.upstream.resolver import Resolver
from tollhouse.dataplane.runtime.upstream.tls import ClientContexts, server_name
from tollhouse.dataplane.transport import (
    Origin,
    Phase,
    Timeouts,
    Transport,
    TransportError,
    UpstreamRequest,
    UpstreamResponse,
)
from yarl import URL

_READ_BUFFER = 128 * 1024
_OWN_HEADERS = ("accept", "accept-encoding", "content-type", "user-agent")
"""Headers aiohttp would add by itself."""


class AiohttpTransport(Transport):
    """Sends with ``aiohttp.ClientSession``. One per worker, shared by all exchanges.

    Its parser is laxer than the lean one's: it accepts bare line feeds, folded headers and any number of interim
    answers, and takes bytes that came on an idle connection for the next answer. Its bound until the first byte
    includes connecting, and sending the request. aiohttp itself repeats idempotent requests on a stale connection, and
    no others, which is the lean one's rule too.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        resolver: Resolver | None = None,
        max_connections: int = 2048,
        idle_s: float = 20.0,
    ) -> None:
        self._resolver = resolver or Resolver()
        self._contexts = ClientContexts(ca_file=ca_file)
        self._max_connections = max_connections
        self._idle_s = idle_s
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        origin, timeouts = request.origin, request.timeouts
        length = len(request.body) if isinstance(request.body, bytes) else None
        request_head(request.method, request.target, origin.host, request.headers, length)  # for its checks
        if _is_address(origin.host):  # aiohttp asks nobody about these
            await self._resolver.resolve(origin.host, origin.port)
        tls = self._contexts.of(origin) if origin.scheme == "https" else None
        pending: dict[str, Any] = {
            "headers": [pair for pair in request.headers if pair[0].lower() not in ("content-length",)],
            "skip_auto_headers": _OWN_HEADERS,
            "allow_redirects": False,
            "data": request.body if length or length is None else None,
        }
        if tls is not None:
            pending |= {"ssl": tls, "server_hostname": server_name(origin)}
        sent = _Sent(request.body)
        if length is None:
            pending["data"] = sent.pieces()
        deadline = asyncio.get_running_loop().time() + timeouts.total_s if timeouts.total_s is not None else None
        try:
            first_s = timeouts.first_byte_s + timeouts.connect_s
            async with asyncio.timeout(min(first_s, timeouts.total_s or first_s)):
                response = await self._open_session().request(
                    request.method, _url(origin, request.target), timeout=_timeouts(timeouts), **pending
                )
        except aiohttp.ConnectionTimeoutError:
            text = f"No connection to {origin.host}:{origin.port} within {timeouts.connect_s:g} s."
            raise TransportError("connect", text, timed_out=True) from None
        except TimeoutError:
            # Which of the two bounds it was: timers may ring a little early, so the clock cannot tell.
            phase: Phase = "total" if timeouts.total_s is not None and timeouts.total_s < first_s else "first_byte"
            raise TransportError(
                phase, "The server did not begin to answer in time.", timed_out=True, request_sent=True
            ) from None
        except Exception as error:
            raise _translated(error, origin) from error
        try:
            names = [(name.lower(), value) for name, value in response.headers.items()]
            check_status(response.status)
            version = f"{response.version.major}.{response.version.minor}" if response.version else "1.1"
            if version not in ("1.1", "1.0"):
                raise FramingError(f"HTTP/{version}, expected HTTP/1.1")
            body_length(_values(names, "content-length"), _values(names, "transfer-encoding"), version)
        except FramingError as error:
            response.close()
            raise TransportError(
                "framing", f"The server's answer is not valid HTTP/1.1: {error}.", request_sent=True
            ) from None
        return AiohttpResponse(response, names, timeouts, deadline, origin)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,
                limit_per_host=self._max_connections,
                keepalive_timeout=self._idle_s,
                resolver=_Addresses(self._resolver),
                use_dns_cache=False,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                max_line_size=32 * 1024,
                max_field_size=32 * 1024,
            )
        return self._session


class AiohttpResponse(UpstreamResponse):
    """A response of aiohttp's client behind the port's interface."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        headers: list[tuple[str, str]],
        timeouts: Timeouts,
        deadline: float | None,
        origin: Origin,
    ) -> None:
        self.status = response.status
        self.headers = headers
        self._response = response
        self._timeouts = timeouts
        self._deadline = deadline
        self._origin = origin
        self._closed = False

    def header(self, name: str) -> str | None:
        for key, value in self.headers:
            if key == name:
                return value
        return None

    async def chunk(self) -> bytes:
        if self._closed:
            raise TransportError("closed", "The response was closed by its reader.", request_sent=True)
        limit = self._timeouts.idle_s
        phase: Phase = "idle"
        if self._deadline is not None:
            left = self._deadline - asyncio.get_running_loop().time()
            if left < limit:
                limit, phase = left, "total"
        try:
            async with asyncio.timeout(limit):
                return await self._response.content.readany()
        except TimeoutError:
            self.close()
            raise TransportError(
                phase, "The server fell silent in the middle of its answer.", timed_out=True, request_sent=True
            ) from None
        except Exception as error:
            self.close()
            raise _translated(error, self._origin) from error

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await self.chunk():
            size += len(piece)
            if size > limit:
                self.close()
                raise TransportError("size", f"The response is longer than {limit} bytes.", request_sent=True)
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self._closed = True
        self._response.close()


class _Addresses(AbstractResolver):
    """Our resolver, with what it remembers and refuses, as aiohttp wants it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._resolver.resolve(host, port)
        ]

    async def close(self) -> None:
        """Nothing is held."""


class _Sent:
    """Passes the pieces of a body through."""

    def __init__(self, body: bytes | AsyncIterator[bytes]) -> None:
        self._body = body

    async def pieces(self) -> AsyncIterator[bytes]:
        assert not isinstance(self._body, bytes)
        async for piece in self._body:
            if piece:
                yield piece


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True


def _timeouts(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=timeouts.connect_s, sock_connect=timeouts.connect_s)


def _url(origin: Origin, target: str) -> URL:
    host = f"[{origin.host}]" if ":" in origin.host and not origin.host.startswith("[") else origin.host
    return URL(f"{origin.scheme}://{host}:{origin.port}{target}", encoded=True)


def _values(headers: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in headers if key == name]


def _translated(error: Exception, origin: Origin) -> TransportError:
    """aiohttp's exceptions as ours."""
    place = f"{origin.host}:{origin.port}"
    match error:
        case TransportError():
            return error
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return TransportError("tls", f"The certificate of {server_name(origin)} is not trusted: {error}.")
        case aiohttp.ClientConnectorSSLError():
            return TransportError("tls", f"TLS with {place} failed: {error}.")
        case aiohttp.ClientConnectorDNSError():
            return TransportError("dns", f"The name {origin.host!r} cannot be resolved: {error}.")
        case aiohttp.ClientConnectorError():
            return TransportError("connect", f"No connection to {place}: {error}.")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientConnectionResetError() | aiohttp.ClientOSError():
            return TransportError("closed", "The server closed the connection before it answered.", request_sent=True)
        case aiohttp.ClientPayloadError() if "Not enough data" not in str(error):
            return TransportError("framing", f"The server's answer is not valid HTTP/1.1: {error}.", request_sent=True)
        case aiohttp.ClientPayloadError() | ConnectionError():
            text = "The server closed the connection in the middle of its answer."
            return TransportError("closed", text, request_sent=True)
        case aiohttp.ClientResponseError() | aiohttp.http_exceptions.HttpProcessingError() | ValueError():
            return TransportError("framing", f"The server's answer is not valid HTTP/1.1: {error}.", request_sent=True)
        case _:
            return TransportError("closed", f"The exchange with {place} broke: {error!r}.", request_sent=True)
