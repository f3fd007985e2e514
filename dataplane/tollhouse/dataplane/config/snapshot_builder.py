"""Builds the next snapshot beside the running one: only what changed is compiled, the rest are the same objects."""

from __future__ import annotations

import asyncio
from typing import Any

from tollhouse.dataplane import registry
from tollhouse.dataplane.config.consumer_index import CONSUMER_KINDS, ConsumerIndex
from tollhouse.dataplane.config.object_loader import KINDS, Changed, Key, Loaded, ObjectLoader
from tollhouse.dataplane.config.objects import Batch
from tollhouse.dataplane.config.snapshot import CompiledRoute, Consumers, Snapshot
from tollhouse.dataplane.dispatch.money.waiting import waiting_of
from tollhouse.dataplane.dispatch.plain.upstream import UpstreamDispatcher
from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.dataplane.engine.addresses import AddressSet
from tollhouse.dataplane.engine.budgets import BudgetIndex, CompiledBudget
from tollhouse.dataplane.engine.expression import compile_expression
from tollhouse.dataplane.engine.match import RouteEntry, Router
from tollhouse.dataplane.engine.standing import Standing
from tollhouse.dataplane.errors import ClientError, GatewayError
from tollhouse.dataplane.pipeline import BoundPlugin, Dispatcher, merge
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.services import Services
from tollhouse.proto.catalog import reader
from tollhouse.proto.resources.price_table import PUBLISHED

ROUTES_AT_ONCE = 200
"""Routes compiled before the event loop gets a turn."""


class SnapshotBuilder:
    """Keeps the parsed objects between snapshots. Not safe to use from two tasks at once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._objects = ObjectLoader(services)
        self._consumers = ConsumerIndex(self._objects, services)
        self._upstreams: dict[Key, tuple[Any, UpstreamDispatcher]] = {}
        """Dispatchers of standalone and inline upstreams, kept while their resource stands unchanged."""
        self._prices_of = reader.today()
        """The day the catalogue's prices are of."""
        self._current = self.empty()

    def empty(self) -> Snapshot:
        """What serves before the first batch: nothing."""
        return Snapshot(
            revision=0,
            source="none",
            router=Router(),
            routes={},
            consumers=Consumers(),
            models=Catalog.build({}, {}),
            ssls={},
            metadata={},
            global_plugins=(),
            refused=(),
        )

    def take_replaced(self) -> list[Plugin[Any]]:
        """Plugins the last ``apply`` put out of use; close them when no exchange lives with an older snapshot."""
        return self._objects.take_replaced()

    def all_plugins(self) -> list[Plugin[Any]]:
        """Every plugin in use."""
        return self._objects.plugins()

    def count(self) -> dict[str, int]:
        """How many objects of each kind are served."""
        return {kind: len(self._objects.all(kind)) for kind in KINDS if self._objects.all(kind)}

    def object(self, kind: str, object_id: str) -> Loaded | None:
        """One object as it is served."""
        return self._objects.all(kind).get(object_id)

    async def apply(self, batch: Batch) -> Snapshot:
        """The snapshot after a batch. A bad object keeps its last good version and is reported as refused."""
        changed = await self._objects.load(batch)
        self._current = await self._assemble(batch, changed)
        budgets, waiting = self._current.budgets, waiting_of(self._services)
        if changed.get("approvals") or budgets is not waiting.index:
            said = {key: one.resource for key, one in self._objects.all("approvals").items()}
            waiting.become(Standing(said, budgets.all), budgets)
        return self._current

    # -- the snapshot

    async def _assemble(self, batch: Batch, changed: Changed) -> Snapshot:
        now = self._current
        kinds = {kind for kind, ids in changed.items() if ids}
        fresh = self._take_prices("price_tables" in kinds)
        routes, router = await self._routes(changed) if kinds & _ROUTE_PARTS else (now.routes, now.router)
        return Snapshot(
            revision=batch.revision,
            source=batch.source,
            router=router,
            routes=routes,
            consumers=await self._consumers.update(now.consumers, changed) if kinds & CONSUMER_KINDS else now.consumers,
            models=self._catalog(fresh=fresh) if fresh or kinds & {"models", "providers"} else now.models,
            ssls={key: (one.raw.mod_revision, one.resource) for key, one in self._objects.all("ssls").items()}
            if "ssls" in kinds
            else now.ssls,
            metadata={
                name: self._objects.metadata_of(name) or PluginConfig()
                for name in self._objects.all("plugin_metadata")
                if name in registry.plugin_classes()
            }
            if "plugin_metadata" in kinds
            else now.metadata,
            global_plugins=self._globals() if "global_rules" in kinds else now.global_plugins,
            refused=self._objects.refused,
            budgets=self._budgets() if kinds & {"budgets", "stops", "consumer_groups"} else now.budgets,
        )

    def _budgets(self) -> BudgetIndex:
        """Budgets that stand unchanged are the same objects."""
        before = self._current.budgets.all
        budgets: dict[str, CompiledBudget] = {}
        for key, one in self._objects.all("budgets").items():
            kept = before.get(key)
            same = kept is not None and kept.resource is one.resource
            budgets[key] = kept if kept is not None and same else CompiledBudget(key, one.resource)
        groups = self._objects.all("consumer_groups")
        parents = {key: one.resource.parent_id for key, one in groups.items() if one.resource.parent_id}
        return BudgetIndex(budgets, parents, {key: one.resource for key, one in self._objects.all("stops").items()})

    def _globals(self) -> tuple[BoundPlugin, ...]:
        rules = sorted(self._objects.all("global_rules").items())
        return tuple(bound for _, one in rules for bound in one.plugins.values())

    @property
    def prices_are_old(self) -> bool:
        """Whether prices begin to hold that the snapshot does not know; the next ``apply``, even of nothing, takes
        them."""
        return reader.changes_between(self._prices_of, reader.today())

    def _take_prices(self, published: bool) -> bool:
        """Whether everything must be priced anew."""
        if published:
            table = self._objects.all("price_tables").get(PUBLISHED)
            reader.publish(reader.parse_table(table.resource.model_dump()) if table is not None else None)
        fresh = published or self.prices_are_old
        if fresh:
            self._prices_of = reader.today()
        return fresh

    def _catalog(self, *, fresh: bool) -> Catalog:
        models = {key: one.resource for key, one in self._objects.all("models").items()}
        providers = {key: one.resource for key, one in self._objects.all("providers").items()}
        return Catalog.build(models, providers, None if fresh else self._current.models)

    async def _routes(self, changed: Changed) -> tuple[dict[str, CompiledRoute], Router]:
        routes = dict(self._current.routes)
        router = self._current.router
        removed: list[str] = []
        added: list[RouteEntry] = []
        for count, route_id in enumerate(self._affected_routes(changed), 1):
            if count % ROUTES_AT_ONCE == 0:
                router = router.with_changes(added, removed)
                removed, added = [], []
                await asyncio.sleep(0)
            removed.append(route_id)
            routes.pop(route_id, None)
            one = self._objects.all("routes").get(route_id)
            if one is None:
                self._drop_upstream(("routes", route_id))
                continue
            compiled = routes[route_id] = self._compile_route(route_id, one)
            if one.resource.status == 0:
                continue
            service = self._objects.all("services").get(compiled.service_id)
            added.append(_entry(route_id, one, service.resource if service else None, compiled))
        return routes, router.with_changes(added, removed)

    def _affected_routes(self, changed: Changed) -> set[str]:
        affected, services = set(changed["routes"]), set(changed["services"])
        configs, upstreams = changed["plugin_configs"], changed["upstreams"]
        for upstream_id in upstreams:
            if upstream_id not in self._objects.all("upstreams"):
                self._drop_upstream(("upstreams", upstream_id))
        if upstreams:
            services |= {
                key for key, one in self._objects.all("services").items() if one.resource.upstream_id in upstreams
            }
        for service_id in services:
            if service_id not in self._objects.all("services"):
                self._drop_upstream(("services", service_id))
        if services or configs or upstreams:
            affected |= {
                key
                for key, one in self._objects.all("routes").items()
                if one.resource.service_id in services
                or one.resource.plugin_config_id in configs
                or one.resource.upstream_id in upstreams
            }
        return affected

    def _compile_route(self, route_id: str, one: Loaded) -> CompiledRoute:
        resource = one.resource
        missing: GatewayError | None = None
        service = config = None
        if resource.service_id:
            service = self._objects.all("services").get(resource.service_id)
            if service is None:
                missing = ClientError(
                    404,
                    "service_missing",
                    f"The service {resource.service_id!r} of route {route_id!r} does not exist.",
                    apisix_body={"error_msg": "404 Route Not Found"},
                )
        if resource.plugin_config_id:
            config = self._objects.all("plugin_configs").get(resource.plugin_config_id)
            if config is None:
                missing = GatewayError(
                    503,
                    "plugin_config_missing",
                    f"The plugin config {resource.plugin_config_id!r} of route {route_id!r} does not exist.",
                )
        upstream, upstream_id = self._upstream_of(route_id, resource, service)
        if resource.upstream is None:
            self._drop_upstream(("routes", route_id))
        return CompiledRoute(
            resource,
            route_id=route_id,
            service=service.resource if service else None,
            service_id=resource.service_id or "",
            plugins=merge(service.plugins if service else {}, config.plugins if config else {}, one.plugins),
            upstream=upstream,
            upstream_id=upstream_id,
            missing=missing,
        )

    # -- upstreams

    def _upstream_of(self, route_id: str, route: Any, service: Loaded | None) -> tuple[Dispatcher | None, str]:
        """The route's own upstream, inline or by reference, else its service's."""
        holders: list[tuple[str, str, Any]] = [("routes", route_id, route)]
        if service is not None:
            holders.append(("services", service.raw.id, service.resource))
        for kind, object_id, holder in holders:
            if holder.upstream is not None:
                return self._dispatcher((kind, object_id), holder.upstream), ""
            if holder.upstream_id:
                stored = self._objects.all("upstreams").get(holder.upstream_id)
                if stored is not None:
                    return self._dispatcher(("upstreams", holder.upstream_id), stored.resource), holder.upstream_id
        return None, ""

    def _dispatcher(self, key: Key, resource: Any) -> UpstreamDispatcher:
        kept = self._upstreams.get(key)
        if kept is not None and (kept[0] is resource or kept[0] == resource):
            return kept[1]
        made = UpstreamDispatcher(resource, Place(*key), self._services, None if kept is None else kept[1])
        if kept is not None:
            self._services.spawn(kept[1].close(), f"close upstream {key[1]}")
        self._upstreams[key] = (resource, made)
        return made

    def _drop_upstream(self, key: Key) -> None:
        kept = self._upstreams.pop(key, None)
        if kept is not None:
            self._services.spawn(kept[1].close(), f"close upstream {key[1]}")


_ROUTE_PARTS = frozenset({"routes", "services", "upstreams", "plugin_configs"})


def _entry(route_id: str, one: Loaded, service: Any, payload: CompiledRoute) -> RouteEntry:
    resource = one.resource
    hosts = resource.all_hosts or (service.hosts if service is not None else None) or ()
    return RouteEntry(
        id=route_id,
        uris=tuple(resource.all_uris),
        hosts=tuple(hosts),
        methods=frozenset(resource.methods) if resource.methods else None,
        remote_addrs=AddressSet(resource.all_remote_addrs) if resource.all_remote_addrs else None,
        vars_predicate=compile_expression(resource.vars) if resource.vars else None,
        priority=resource.priority,
        order=(one.raw.create_revision, route_id),
        payload=payload,
    )
