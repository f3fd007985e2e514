"""Consumers and an authentication plugin, for tests of how callers are recognised."""

from __future__ import annotations

import inspect
import json
from typing import Any

from tollhouse.dataplane import registry
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.config.snapshot import Snapshot
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.plugin import Place, Plugin
from tollhouse.dataplane.services import Services

from tests.support.services import plain_services, request

NOW = 1_700_001_000
"""When exchanges of the tests arrive."""


async def snapshot_of(objects: dict[str, dict[str, Any]], services: Services | None = None) -> Snapshot:
    """``{"consumers/bob": {...}, "credentials/bob/c": {...}}``."""
    puts = []
    for place, value in objects.items():
        kind, _, object_id = place.partition("/")
        value = {"username": object_id, **value} if kind == "consumers" else value
        puts.append(RawObject(kind, object_id, json.dumps(value).encode(), 1, 1))
    return await Gateway(services or plain_services()).load(Batch(1, True, tuple(puts)))


def plugin(name: str, services: Services | None = None, **config: Any) -> Plugin[Any]:
    """As on a route."""
    loaded, _ = registry.load_plugin_config(name, config)
    assert loaded is not None
    return registry.plugin_classes()[name](loaded, Place("routes", "1"), services or plain_services())


async def ask(one: Plugin[Any], snapshot: Snapshot, headers: dict[str, str] | None = None, **told: Any) -> Exchange:
    """The exchange after the plugin; raises what it raises."""
    certificate = told.pop("certificate", b"")
    ex = request(snapshot, told.pop("path", "/v1/x"), headers=headers, **told)
    ex.client_certificate = certificate
    waiting = one.request(ex)
    if inspect.isawaitable(waiting):
        await waiting
    return ex
