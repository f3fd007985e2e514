"""Which headers cross the gateway, in both directions. What is not named here stays on its side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.records.redaction import configured_names
from tollhouse.dataplane.services import Secrets

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

NEVER = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "apikey",
        "x-goog-api-key",
        "openai-organization",
        "openai-project",
        "x-goog-user-project",
        "cookie",
        "host",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "accept-encoding",
    }
)
"""The client's credentials, whose account it means by them, and everything that belongs to its connection. An
organization that is not the key's own makes a vendor refuse the key, which would be taken for dead."""

ALWAYS = ("user-agent", "traceparent", "tracestate")
"""Client headers every provider may see."""

_QUERY = frozenset({"beta"})
"""Query arguments that mean something to a provider of the client's own format."""

_BACK = frozenset({"retry-after", "retry-after-ms", "x-should-retry"})
_BACK_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id")


def to_provider(
    ex: Exchange,
    target: Target,
    secrets: Secrets,
    *,
    same: bool,
    stream: bool,
    protocol: str = "",
    stream_type: str = "text/event-stream",
) -> list[tuple[str, str]]:
    """The headers of an attempt. Raises GatewayFault when a secret cannot be had. ``same``: the provider speaks the
    client's format, so the client's headers for the vendor mean something to it."""
    provider = target.endpoint.provider
    sent: dict[str, str] = {
        "content-type": "application/json",
        "accept": stream_type if stream else "application/json",
        "accept-encoding": "identity",
        **provider.headers,
    }
    if same and ex.protocol is not None and ex.protocol.opaque:
        sent["accept"] = ex.headers.get("accept") or "*/*"
        kind = ex.headers.get("content-type")
        if kind is None:
            del sent["content-type"]
        else:
            sent["content-type"] = kind
    always, meant = _of_interest(tuple(ex.headers), provider.passes_headers if same else ())
    for name in always:
        sent[name] = ex.headers[name]
    if meant:
        for name, value in _meant(ex.headers, provider.passes_headers):
            sent[name] = f"{sent[name]},{value}" if name in sent and name not in provider.headers else value
    if ex.trace is not None:
        sent["traceparent"] = ex.trace.header(len(ex.attempts))
    if ex.upstream_headers:
        edit(sent, ex.upstream_headers)
    sent.update(target.endpoint.revealed(secrets, protocol))
    return list(sent.items())


def _meant(headers: Mapping[str, str], patterns: tuple[str, ...]) -> list[tuple[str, str]]:
    """The client's headers that the vendor may see, names in lower case."""
    return [(name.lower(), value) for name, value in headers.items() if _is_meant(name.lower(), patterns)]


def _is_meant(name: str, patterns: tuple[str, ...]) -> bool:
    if name in NEVER:
        return False
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in patterns)


@lru_cache(maxsize=4096)
def _of_interest(names: tuple[str, ...], patterns: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Of a client's header names those every provider may see, and whether the vendor may see others. Clients send the
    same few in every request, so each set is judged once."""
    lowered = [name.lower() for name in names]
    return tuple(name for name in ALWAYS if name in lowered), any(_is_meant(name, patterns) for name in lowered)


def edit(headers: dict[str, str], edits: Iterable[tuple[str, str | None]]) -> None:
    """Apply ``Exchange.upstream_headers`` in order."""
    for name, value in edits:
        if value is None:
            headers.pop(name, None)
        else:
            headers[name] = value


def request_target(ex: Exchange, target: Target, protocol: str, secrets: Secrets, *, same: bool) -> str:
    """Path and query of an attempt: the provider's, the client's arguments that mean something to it, and keys that
    travel in the query."""
    asked = ex.peek if ex.protocol is not None else None
    model = target.model or (asked.model if asked is not None else "")
    opaque = same and ex.protocol is not None and ex.protocol.opaque
    rest = ex.protocol.rest(ex.path) if same and ex.protocol is not None else ""
    line = target.endpoint.target(protocol, model, stream=asked is not None and asked.stream, rest=rest)
    if not ex.query and not target.endpoint.query_auth:
        return line
    arguments: list[tuple[str, str]] = []
    if opaque and ex.query:
        keys = NEVER | configured_names(ex.pipeline) | {"key"}
        arguments += [pair for pair in parse_qsl(ex.query, keep_blank_values=True) if pair[0].lower() not in keys]
    elif same and ex.query:
        arguments += [(name, value) for name, value in parse_qsl(ex.query, keep_blank_values=True) if name in _QUERY]
    arguments += [(name, secrets.reveal_header(value)) for name, value in target.endpoint.query_auth]
    if not arguments:
        return line
    return f"{line}{'&' if '?' in line else '?'}{urlencode(arguments)}"


def from_provider(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the client gets to see of a provider's headers."""
    return [(shown, value) for name, value in headers if (shown := _shown(name))]


@lru_cache(maxsize=4096)
def _shown(name: str) -> str:
    """Under which name the client sees a provider's header; empty: not at all."""
    if name in _BACK or name.startswith(_BACK_PREFIXES):
        return name
    return "x-tollhouse-upstream-request-id" if name in _REQUEST_IDS else ""


def as_mapping(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The first value of each header."""
    first: dict[str, str] = {}
    for name, value in headers:
        first.setdefault(name, value)
    return first
