"""Answers what the supervisor asks about the running configuration: explain a request, show a route, show health."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import unquote

import msgspec
from multidict import CIMultiDict
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.explaining import explain
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.runtime.link.messages import (
    Effective,
    EffectiveWanted,
    Explained,
    ExplainWanted,
    Health,
)
from tollhouse.dataplane.runtime.node.masking import masked


class Inspection:
    """Looks into one worker's gateway; changes nothing."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def explain(self, wanted: ExplainWanted) -> Explained:
        """What would happen to a request, without sending it anywhere."""
        snapshot = self._gateway.snapshot
        path, _, query = wanted.path.partition("?")
        headers = CIMultiDict(wanted.headers)
        body = wanted.body

        async def read_body() -> bytes:
            return body

        ex = Exchange(
            id="explain",
            snapshot=snapshot,
            method=wanted.method,
            path=unquote(path),
            query=query,
            scheme="http",
            host=headers.get("host", "localhost").rpartition("@")[2].split(":")[0].lower(),
            headers=headers,
            client_ip=wanted.client_address,
            received_s=time.monotonic(),
            received_at=time.time(),
            read_body=read_body,
            raw_path=path,
        )
        told = await explain(ex, wanted.route_id, wanted.caller)
        return Explained(
            route_id=told.route_id,
            consumer=told.consumer,
            steps=[(step.stage, step.plugin, step.result) for step in told.steps],
            targets=[(one.name, one.provider, one.model, one.rank, one.reason) for one in told.targets],
            status=told.status,
            error=told.error,
            revision=snapshot.revision,
        )

    def effective(self, wanted: EffectiveWanted) -> Effective:
        """A route with its service, plugin config, global rules and (when named) the consumer's plugins."""
        snapshot = self._gateway.snapshot
        route = snapshot.routes.get(wanted.route_id)
        if route is None:
            return Effective(b"", snapshot.revision, f"no route {wanted.route_id!r} is served here")
        consumer = snapshot.consumers.by_name(wanted.consumer) if wanted.consumer else None
        if wanted.consumer and consumer is None:
            return Effective(b"", snapshot.revision, f"no consumer {wanted.consumer!r} is known here")
        plugins: dict[str, Any] = {}
        for bound in snapshot.pipeline(route, consumer).plugins:
            plugin = bound.plugin
            name = plugin.name if plugin.name not in plugins else f"{plugin.name} ({plugin.place})"
            plugins[name] = {
                "from": str(plugin.place),
                "stage": plugin.stage.name.lower(),
                "priority": bound.priority,
                "config": masked(plugin.config.model_dump(mode="json", exclude_unset=True), type(plugin.config)),
            }
        resource = route.resource.model_dump(mode="json", exclude_none=True, exclude={"plugins"})
        whole = {
            "route": masked(resource, type(route.resource)),
            "service_id": route.service_id,
            "upstream_id": route.upstream_id,
            "consumer": wanted.consumer,
            "plugins": plugins,
        }
        return Effective(msgspec.json.encode(whole, enc_hook=str), snapshot.revision)

    def health(self) -> Health:
        """What this worker knows of its targets: breaker, load and time to the first byte."""
        now = time.monotonic()
        states = states_of(self._gateway.services)
        told = [
            {
                "name": state.name,
                "model": state.model,
                "provider": state.provider,
                "breaker": state.state(now),
                "forced": state.breaker.forced,
                "retry_in_s": round(state.wait_s(now), 1),
                "waiting": state.gate.waiting,
                "start_ms": round(state.start.value * 1000, 1),
                "token_ms": round(state.token.value * 1000, 2),
                "headroom": state.headroom(now),
                "status": "unhealthy" if (shut := states.shut(state, now)) else "healthy",
                "reason": shut,
                "probe": states.probed(state),
                "in_flight": state.in_flight,
                "first_byte_ms": round(state.first_byte_s * 1000, 1),
            }
            for state in states
        ]
        return Health(msgspec.json.encode(told))
