"""The traffic server and the upstream client with nothing between them: the least a request can cost here.

Usage: python -m benchmarks.floor PORT PROVIDER_PORT
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import uvloop
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.runtime.server.traffic import TrafficServer
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport
from tollhouse.dataplane.transport import Origin, Timeouts, UpstreamRequest, UpstreamResponse

_DROPPED = frozenset(("connection", "content-length", "transfer-encoding", "host"))


class Through:
    """A gateway that passes everything to one place."""

    snapshot: Any = SimpleNamespace(ssls={})

    def __init__(self, provider_port: int) -> None:
        self._transport = LeanTransport()
        self._origin = Origin("http", "127.0.0.1", provider_port)
        self._timeouts = Timeouts()

    async def answer(self, ex: Exchange) -> Reply:
        """Forward and pass the answer on, streams piece by piece."""
        body = await ex.read_body()
        headers = [pair for pair in ex.headers.items() if pair[0].lower() not in _DROPPED]
        request = UpstreamRequest(ex.method, self._origin, ex.path, headers, body, self._timeouts)
        response = await self._transport.send(request)
        passed = [pair for pair in response.headers if pair[0] not in _DROPPED]
        if response.header("content-length") is None:
            return Reply(response.status, passed, stream=_pieces(response))
        return Reply(response.status, passed, await response.read(1 << 26))

    def begin(self, ex: Exchange) -> Reply | None:
        """No reply is begun before its time."""
        return None

    def finish(self, ex: Exchange) -> None:
        """Nothing to settle."""


async def _pieces(response: UpstreamResponse) -> AsyncIterator[bytes]:
    try:
        while piece := await response.chunk():
            yield piece
    finally:
        response.close()


async def main(port: int, provider_port: int) -> None:
    """Serve for ever."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    await TrafficServer(Through(provider_port)).start([sock])
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
