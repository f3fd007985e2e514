"""Turns a parsed request head into an Exchange."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import StreamReader
from aiohttp.http import RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.runtime.server.body import RequestBody
from tollhouse.dataplane.runtime.server.origin import Proxies, host_name
from tollhouse.dataplane.runtime.server.settings import ServerSettings
from tollhouse.dataplane.runtime.server.target import Refused, split_target

if TYPE_CHECKING:
    from tollhouse.dataplane.config.snapshot import Snapshot
    from tollhouse.dataplane.runtime.server.connection import ClientConnection

_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)


class Intake:
    """Builds exchanges. One per server."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._proxies = Proxies(settings.trusted_proxies)
        self._encoded_slash = settings.encoded_slash
        self._id_prefix = os.urandom(8).hex()
        self._count = itertools.count(1)

    def trusts(self, peer: str) -> bool:
        """Whether a peer's forwarding headers are believed; asked once per connection."""
        return self._proxies.trusts(peer)

    def exchange(
        self, message: RawRequestMessage, payload: StreamReader, connection: ClientConnection, snapshot: Snapshot
    ) -> Exchange:
        """Raises Refused when the gateway should not see the request."""
        headers: Mapping[str, str] = message.headers
        host = headers.get("Host", "")
        target = message.path
        if target[:1] != "/":
            host, target = _absolute(message, host)
        elif message.upgrade and headers.get("Upgrade", "").lower() == "websocket":
            raise Refused(
                426,
                "websocket_not_served",
                "WebSocket is not served here. Send the request over HTTP and stream the answer as server-sent events.",
                (("upgrade", "HTTP/1.1"),),
            )
        if message.chunked and headers.get("Transfer-Encoding", "").strip().lower() != "chunked":
            what = "The only transfer coding served is chunked. Compress with Content-Encoding instead."
            raise Refused(501, "transfer_encoding_not_served", what)
        path, query = split_target(target, self._encoded_slash)
        encoding = headers.get("Content-Encoding", "")
        body = RequestBody(
            connection,
            payload,
            self._settings.max_body_bytes,
            headers.get("Content-Length"),
            "" if not encoding else "" if encoding.lower() == "identity" else encoding.strip().lower(),
            "Expect" in headers and _expects_continue(headers["Expect"]),
        )
        if encoding:
            headers = _without_encoding(message.headers)
        request_id = headers.get("X-Request-Id")
        if request_id is None or _SANE_ID.fullmatch(request_id) is None:
            request_id = f"{self._id_prefix}{next(self._count):08x}"
        client_ip, scheme = connection.peer, connection.scheme
        if connection.behind_proxy:
            client_ip = self._proxies.client(client_ip, headers)
            forwarded = headers.get("X-Forwarded-Proto", "").lower()
            scheme = forwarded if forwarded in ("http", "https") else scheme
        ex = Exchange(
            id=request_id,
            snapshot=snapshot,
            method=message.method,
            path=path,
            query=query,
            scheme=scheme,
            host=host_name(host),
            headers=headers,
            client_ip=client_ip,
            received_s=time.monotonic(),
            received_at=time.time(),
            read_body=body.read,
            raw_path=target.partition("?")[0].partition("#")[0],
        )
        if connection.client_certificate:
            ex.client_certificate = connection.client_certificate
        return ex


def _absolute(message: RawRequestMessage, host: str) -> tuple[str, str]:
    """Host and origin-form target of the rarer kinds of request line."""
    if message.method == "CONNECT":
        raise Refused(405, "method_not_allowed", "CONNECT is not served: this is a gateway, not a forward proxy.")
    if message.path == "*":
        return host, "*"
    url = message.url
    if url.scheme not in ("http", "https") or url.raw_host is None:
        raise Refused(400, "invalid_path", "The request target is neither a path nor an http URL.")
    target = message.path.partition("://")[2]
    slash = target.find("/")
    question = target.find("?")
    if slash < 0 or -1 < question < slash:
        return url.raw_authority, "/" + (target[question:] if question >= 0 else "")
    return url.raw_authority, target[slash:]


def _expects_continue(value: str) -> bool:
    if value.lower() != "100-continue":
        raise Refused(
            417, "expectation_failed", f"The expectation {value[:40]!r} cannot be met; only 100-continue can."
        )
    return True


def _without_encoding(headers: CIMultiDictProxy[str]) -> CIMultiDictProxy[str]:
    """What describes the compressed body does not describe the one that is handed on."""
    copy = CIMultiDict(headers)
    copy.popall("Content-Encoding", None)
    copy.popall("Content-Length", None)
    return CIMultiDictProxy(copy)
