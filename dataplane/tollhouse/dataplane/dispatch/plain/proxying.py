"""Headers, addresses and bodies of requests that are proxied as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from tollhouse.dataplane.dispatch.plain.nodes import UpstreamNode
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.transport import TransportError, UpstreamResponse

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def request_headers(ex: Exchange, resource: Any, node: UpstreamNode) -> list[tuple[str, str]]:
    """The client's headers without those of its connection, the edits of plugins, and who the client was."""
    named = _named(ex.headers.get("connection"))
    sent = [
        (lowered, value)
        for name, value in ex.headers.items()
        if (lowered := name.lower()) not in HOP_BY_HOP
        and lowered not in named
        and lowered not in ("host", "content-length", "expect")
    ]
    forwarded = ex.headers.get("x-forwarded-for")
    chain = f"{forwarded}, {ex.client_ip}" if forwarded else ex.client_ip
    edits: list[tuple[str, str | None]] = [
        ("x-real-ip", ex.client_ip),
        ("x-forwarded-for", chain),
        ("x-forwarded-proto", ex.scheme),
        ("x-forwarded-host", ex.host),
        ("host", _host(ex, resource, node)),
        *((("traceparent", ex.trace.header(len(ex.attempts))),) if ex.trace is not None else ()),
        *ex.upstream_headers,
    ]
    for name, value in edits:
        sent = [pair for pair in sent if pair[0] != name]
        if value is not None:
            sent.append((name, value))
    return sent


def _host(ex: Exchange, resource: Any, node: UpstreamNode) -> str:
    if ex.upstream_host:
        return ex.upstream_host
    if resource.pass_host == "node":
        return node.host_header
    if resource.pass_host == "rewrite":
        return str(resource.upstream_host)
    return ex.headers.get("host") or ex.host or node.host_header


def _named(connection: str | None) -> frozenset[str]:
    """Headers the sender says belong to its connection only."""
    if not connection:
        return frozenset()
    return frozenset(name.strip().lower() for name in connection.split(","))


def proxied_target(ex: Exchange) -> str:
    """Path and query of the request line."""
    if ex.upstream_path is not None:
        return ex.upstream_path
    path = _as_written(ex.raw_path) or quote(ex.path, safe="/:@!$&'()*+,;=~-._")
    return f"{path}?{ex.query}" if ex.query else path


def _as_written(raw: str | None) -> str:
    """The client's own spelling of the path, if no server can take it for another path than the one that was matched:
    dot segments and empty ones were resolved before matching, so such a path is spelled anew."""
    if not raw or not raw.isascii() or not raw.isprintable() or " " in raw:
        return ""
    segments = unquote(raw).split("/")[1:]
    return "" if any(one in (".", "..") for one in segments) or "" in segments[:-1] else raw


def reply_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The upstream's headers without those of its connection and framing."""
    pairs = list(headers)
    named = _named(next((value for name, value in pairs if name == "connection"), None))
    return [
        (name, value)
        for name, value in pairs
        if name not in HOP_BY_HOP and name not in named and name != "content-length"
    ]


class ProxiedBody(AsyncIterator[bytes]):
    """A response body on its way through. Raises UpstreamError when it breaks off, so that the client sees the break
    too. Belongs to one exchange."""

    __slots__ = ("_ended", "_response")

    def __init__(self, response: UpstreamResponse, ended: Callable[[], None]) -> None:
        self._response: UpstreamResponse | None = response
        self._ended = ended

    async def __anext__(self) -> bytes:
        if self._response is None:
            raise StopAsyncIteration
        try:
            data = await self._response.chunk()
        except TransportError as error:
            await self.aclose()
            raise UpstreamError(502, "upstream_cut", "The upstream's answer broke off.") from error
        if not data:
            await self.aclose()
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        """Done, or the client left: the upstream's connection is given back or closed."""
        response, self._response = self._response, None
        if response is not None:
            response.close()
            self._ended()
