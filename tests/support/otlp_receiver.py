"""A real OTLP/HTTP receiver: decodes what arrives with the protocol's own messages."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver:
    """What came in, in order."""

    def __init__(self) -> None:
        self.address = ""
        self.spans: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self.metrics: dict[str, Any] = {}
        self.headers: list[dict[str, str]] = []

    async def traces(self, request: web.Request) -> web.Response:
        """``POST /v1/traces``."""
        message = ExportTraceServiceRequest.FromString(await self._body(request))
        for resource in message.resource_spans:
            self.resources.append(plain(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(content_type="application/x-protobuf")

    async def measured(self, request: web.Request) -> web.Response:
        """``POST /v1/metrics``."""
        message = ExportMetricsServiceRequest.FromString(await self._body(request))
        for resource in message.resource_metrics:
            for scope in resource.scope_metrics:
                self.metrics.update({metric.name: metric for metric in scope.metrics})
        return web.Response(content_type="application/x-protobuf")

    async def _body(self, request: web.Request) -> bytes:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        body = await request.read()
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body

    async def until(self, count: int, seconds: float = 10) -> list[Any]:
        """The spans, once so many are there."""
        async with asyncio.timeout(seconds):
            while len(self.spans) < count:
                await asyncio.sleep(0.02)
        return self.spans


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as a dictionary."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Listens on a free port."""
    made = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", made.traces)
    app.router.add_post("/v1/metrics", made.measured)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.address = "{}:{}".format(*runner.addresses[0][:2])
    try:
        yield made
    finally:
        await runner.cleanup()
