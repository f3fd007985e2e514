"""The control port: health, readiness, metrics, and the configuration as this node has it. For operators and probes;
loopback unless configured, no authentication (APISIX's control API)."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from aiohttp import web
from tollhouse.dataplane.runtime.link.link import LinkError
from tollhouse.dataplane.runtime.link.messages import Health, HealthWanted
from tollhouse.dataplane.runtime.listeners import address_of, own
from tollhouse.dataplane.runtime.node.masking import masked_json
from tollhouse.dataplane.runtime.node.report import NodeReport
from tollhouse.dataplane.runtime.telemetry.exposition import (
    CONTENT_TYPE,
    OPENMETRICS,
    OPENMETRICS_TYPE,
    render_openmetrics,
)
from tollhouse.dataplane.runtime.telemetry.scrape import Scrape

log = logging.getLogger("tollhouse.control")

ASK_TIMEOUT_S = 2.0

SINGULAR = {
    "route": "routes",
    "service": "services",
    "upstream": "upstreams",
    "plugin_metadata": "plugin_metadata",
    "consumer": "consumers",
    "model": "models",
    "provider": "providers",
}
"""``/v1/<singular>/<id>`` as APISIX names it, and the kind."""

PLURAL = {
    "routes": "routes",
    "services": "services",
    "upstreams": "upstreams",
    "plugin_metadatas": "plugin_metadata",
    "consumers": "consumers",
    "models": "models",
    "providers": "providers",
    "global_rules": "global_rules",
}


class ControlServer:
    """One per node, in the supervisor: it stays up while workers come and go."""

    def __init__(self, report: NodeReport, scrape: Scrape) -> None:
        self._report = report
        self._scrape = scrape
        self._runner: web.AppRunner | None = None

    async def start(self, address: str) -> str:
        """Listen. Returns the address as bound. Raises PortTaken."""
        app = web.Application()
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/status", self._alive)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/status/ready", self._ready)
        for path in ("/metrics", "/apisix/metrics", "/apisix/prometheus/metrics"):
            app.router.add_get(path, self._metrics)
        app.router.add_get("/v1/healthcheck", self._healthcheck)
        app.router.add_get("/v1/{kind}", self._list)
        app.router.add_get("/v1/{kind}/{id:.+}", self._get)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        listener = own(address)
        await web.SockSite(self._runner, listener).start()
        return address_of(listener)

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _alive(self, request: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _ready(self, request: web.Request) -> web.Response:
        state = self._report.readiness()
        return _json(state, status=200 if state["ready"] else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        """In the OpenMetrics format, which has exemplars, for those who ask for it."""
        if OPENMETRICS in request.headers.get("Accept", ""):
            body = render_openmetrics(await self._scrape.families())
            return web.Response(body=body, headers={"Content-Type": OPENMETRICS_TYPE})
        return web.Response(body=await self._scrape.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _list(self, request: web.Request) -> web.Response:
        kind = PLURAL.get(request.match_info["kind"])
        if kind is None:
            return _json({"error_msg": "not found"}, status=404)
        items = b",".join(masked_json(one) for one in self._report.state.of_kind(kind))
        return web.Response(body=b"[" + items + b"]", content_type="application/json")

    async def _get(self, request: web.Request) -> web.Response:
        name, object_id = request.match_info["kind"], request.match_info["id"]
        kind = SINGULAR.get(name)
        found = self._report.state.get(kind, object_id) if kind else None
        if found is None:
            return _json({"error_msg": f"{name}[{object_id}] not found"}, status=404)
        return web.Response(body=masked_json(found), content_type="application/json")

    async def _healthcheck(self, request: web.Request) -> web.Response:
        """What each worker knows of its targets; workers check and count for themselves."""
        told: list[dict[str, Any]] = []
        for worker in self._report.crew.serving:
            if worker.link is None:
                continue
            try:
                answer = await worker.link.ask(HealthWanted(), Health, ASK_TIMEOUT_S)
            except LinkError as error:
                told.append({"worker": worker.index, "error": str(error)})
            else:
                told.append({"worker": worker.index, "targets": msgspec.json.decode(answer.targets_json)})
        return _json(told)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
