"""A worker's traffic ports: opened with the first configuration, drained at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.runtime.link.messages import Start
from tollhouse.dataplane.runtime.listeners import open_listener
from tollhouse.dataplane.runtime.server.settings import ServerSettings
from tollhouse.dataplane.runtime.server.traffic import TrafficServer

log = logging.getLogger("tollhouse.worker")


class Traffic:
    """The server of one worker and its sockets."""

    def __init__(self, start: Start, gateway: Gateway, reveal: Callable[[str], str]) -> None:
        settings = start.settings
        self._start = start
        self.is_open = False
        self._server = TrafficServer(
            gateway,
            ServerSettings(
                max_body_bytes=settings.max_body_bytes,
                max_header_bytes=settings.max_header_bytes,
                header_timeout_s=settings.header_timeout_s,
                body_timeout_s=settings.body_timeout_s,
                idle_timeout_s=settings.idle_timeout_s,
                keepalive_s=settings.keepalive_s,
                trusted_proxies=settings.trusted_proxies,
            ),
            reveal=reveal,
        )

    @property
    def exchanges(self) -> int:
        """Exchanges under way."""
        return self._server.exchanges

    async def open(self) -> None:
        """Listen. Not before there is a configuration: nothing could be served. Raises PortTaken."""
        start = self._start
        plain = [open_listener(start.http_address)] if start.http_address else []
        tls = [open_listener(start.https_address)] if start.https_address else []
        await self._server.start(plain, tls)
        self.is_open = True

    async def drain(self, limit_s: float) -> None:
        """Stop accepting; running replies get so long to finish."""
        await self._server.drain(limit_s)
