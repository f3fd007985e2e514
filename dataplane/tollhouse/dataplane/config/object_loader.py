"""Parses stored objects and makes their plugins; a bad one keeps its last good version and is reported."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic import ValidationError
from tollhouse.dataplane import registry, variables
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.engine.expression import compile_expression
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.pipeline import BoundPlugin, PluginSet, error_body
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.services import Services
from tollhouse.proto import resources
from tollhouse.proto.fleet import RefusedObject
from tollhouse.proto.validation import explain_validation

log = logging.getLogger("tollhouse.config")

KINDS = (
    "routes",
    "services",
    "upstreams",
    "consumers",
    "credentials",
    "consumer_groups",
    "plugin_configs",
    "global_rules",
    "plugin_metadata",
    "ssls",
    "secrets",
    "protos",
    "providers",
    "models",
    "budgets",
    "price_tables",
    "stops",
    "approvals",
)
YIELD_EVERY = 25
"""Objects parsed before the event loop gets a turn: running streams must not stall while a config loads."""

Key = tuple[str, str]
"""Kind and id."""

Changed = dict[str, set[str]]
"""The ids of the objects whose served version changed, by kind."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One object as it is served: its raw form, its parsed form, and its plugins."""

    raw: RawObject
    resource: Any
    plugins: PluginSet


class ObjectLoader:
    """All objects in their last good version. Not safe to use from two tasks at once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._loaded: dict[str, dict[str, Loaded]] = {kind: {} for kind in KINDS}
        self._refused: dict[Key, RefusedObject] = {}
        self._replaced: list[Plugin[Any]] = []

    def all(self, kind: str) -> dict[str, Loaded]:
        """The objects of a kind by id. Read-only."""
        return self._loaded[kind]

    @property
    def refused(self) -> tuple[RefusedObject, ...]:
        """Objects whose newest version could not be taken."""
        return tuple(self._refused.values())

    def take_replaced(self) -> list[Plugin[Any]]:
        """Plugins put out of use since the last call; close them when no exchange lives with an older snapshot."""
        replaced, self._replaced = self._replaced, []
        return replaced

    def plugins(self) -> list[Plugin[Any]]:
        """Every plugin in use."""
        return [
            bound.plugin
            for objects in self._loaded.values()
            for one in objects.values()
            for bound in one.plugins.values()
        ]

    async def load(self, batch: Batch) -> Changed:
        """Take a batch in; what changed by it."""
        changed: Changed = defaultdict(set)
        for kind, object_id in await self._missing_in(batch) if batch.full else batch.deletes:
            self._refused.pop((kind, object_id), None)
            old = self._loaded.get(kind, {}).pop(object_id, None)
            if old is not None:
                self._retire(old.plugins, {})
                changed[kind].add(object_id)
        # Metadata first: plugins of the same batch are made with it.
        for metadata in (True, False):
            for count, raw in enumerate(batch.puts, 1):
                if (raw.kind == "plugin_metadata") is metadata and raw.kind in KINDS and self._load_one(raw):
                    changed[raw.kind].add(raw.id)
                if count % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        if changed["plugin_metadata"]:
            for kind, object_id in self._remake(changed["plugin_metadata"]):
                changed[kind].add(object_id)
        return changed

    async def _missing_in(self, batch: Batch) -> list[Key]:
        """What is served and not in a full batch."""
        there: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for count, raw in enumerate(batch.puts, 1):
            if raw.kind in there:
                there[raw.kind].add(raw.id)
            if count % (100 * YIELD_EVERY) == 0:
                await asyncio.sleep(0)
        for kind, object_id in list(self._refused):
            if object_id not in there[kind]:
                del self._refused[kind, object_id]
        missing: list[Key] = []
        for kind, objects in self._loaded.items():
            await asyncio.sleep(0)
            missing += [(kind, object_id) for object_id in objects.keys() - there[kind]]
        return missing

    def _load_one(self, raw: RawObject) -> bool:
        """Whether what is served changed."""
        objects = self._loaded[raw.kind]
        old = objects.get(raw.id)
        if old is not None and old.raw.value == raw.value:
            if old.raw.mod_revision != raw.mod_revision:
                objects[raw.id] = Loaded(raw, old.resource, old.plugins)
            self._refused.pop((raw.kind, raw.id), None)
            return False
        try:
            resource = resources.parse(raw.kind, raw.value, raw.id)
            plugins = self._bind(raw.kind, raw.id, getattr(resource, "plugins", None) or {}, old)
            _check_compiles(raw.kind, resource)
        except (ValueError, KeyError, TypeError, GatewayError) as error:
            reason = _reason(raw, error)
            log.error("object refused: %s/%s: %s", raw.kind, raw.id, reason)
            kept = old.raw.mod_revision if old is not None else 0
            self._refused[raw.kind, raw.id] = RefusedObject(raw.kind, raw.id, raw.mod_revision, reason, kept)
            return False
        self._refused.pop((raw.kind, raw.id), None)
        if old is not None:
            self._retire(old.plugins, plugins)
        objects[raw.id] = Loaded(raw, resource, plugins)
        return True

    def _bind(self, kind: str, object_id: str, configs: dict[str, Any], old: Loaded | None) -> PluginSet:
        bound: PluginSet = {}
        as_consumer = kind in ("consumers", "credentials")
        for name, config in configs.items():
            if as_consumer and registry.is_auth_plugin(name):
                registry.load_plugin_config(name, config, as_consumer=True)  # identifies; runs nothing
                continue
            before = old.plugins.get(name) if old is not None else None
            if before is not None and old is not None and old.resource.plugins.get(name) == config:
                bound[name] = before
                continue
            one = self._bind_one(kind, object_id, name, config)
            if one is not None:
                bound[name] = one
        return bound

    def _bind_one(self, kind: str, object_id: str, name: str, config: Any) -> BoundPlugin | None:
        cls = registry.plugin_classes().get(name)
        if cls is None:
            raise ValueError(f"unknown plugin [{name}]: this node's release does not have it")
        loaded, meta = registry.load_plugin_config(name, config)
        if loaded is None:
            return None
        plugin = cls(loaded, Place(kind, object_id), self._services, self.metadata_of(name))
        holds = None if meta.filter is None else _filter(meta.filter)
        priority = cls.priority if meta.priority is None else meta.priority
        return BoundPlugin(plugin, priority, holds, error_body(meta.error_response), kind == "global_rules")

    def metadata_of(self, name: str) -> PluginConfig | None:
        """What ``plugin_metadata`` holds for a plugin, defaults filled in; None for plugins that have none."""
        cls = registry.plugin_classes()[name]
        if cls.Metadata is None:
            return None
        stored = self._loaded["plugin_metadata"].get(name)
        if stored is None:
            return cls.Metadata.model_validate({})
        return cls.Metadata.model_validate(
            {key: value for key, value in msgspec.json.decode(stored.raw.value).items() if key != "id"}
        )

    def _remake(self, names: set[str]) -> set[Key]:
        """Make the plugins anew whose metadata changed."""
        touched: set[Key] = set()
        for kind, objects in self._loaded.items():
            for object_id, one in list(objects.items()):
                stale = [name for name in one.plugins if name in names]
                if not stale:
                    continue
                plugins = dict(one.plugins)
                for name in stale:
                    fresh = self._bind_one(kind, object_id, name, one.resource.plugins[name])
                    if fresh is not None:
                        plugins[name] = fresh
                self._retire(one.plugins, plugins)
                objects[object_id] = Loaded(one.raw, one.resource, plugins)
                touched.add((kind, object_id))
        return touched

    def _retire(self, old: PluginSet, new: PluginSet) -> None:
        for name, bound in old.items():
            if name not in new or new[name].plugin is not bound.plugin:
                self._replaced.append(bound.plugin)


def _check_compiles(kind: str, resource: Any) -> None:
    """What could fail when the snapshot is put together must fail now, while the object can still be refused."""
    if kind == "routes" and resource.vars:
        compile_expression(resource.vars)


def _filter(expression: list[Any]) -> Callable[[Exchange], bool]:
    predicate = compile_expression(expression)

    def holds(ex: Exchange) -> bool:
        try:
            return bool(predicate(lambda name: variables.value(ex, name)))
        except (ValueError, TypeError, variables.BodyNeeded):
            return True  # APISIX: a filter that cannot be evaluated lets the plugin run

    return holds


def _reason(raw: RawObject, error: Exception) -> str:
    if isinstance(error, ValidationError):
        problems = explain_validation(error, f"{raw.kind}/{raw.id}")
        return "; ".join(f"{one.where}: {one.what}" for one in problems[:5])
    if isinstance(error, GatewayError):
        return error.message
    return str(error) or type(error).__name__
