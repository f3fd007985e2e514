"""One immutable, compiled configuration, with the revision it was built from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tollhouse.dataplane import variables
from tollhouse.dataplane.engine.budgets import NO_BUDGETS, BudgetIndex
from tollhouse.dataplane.engine.match import Router
from tollhouse.dataplane.engine.sharded_map import ShardedMap
from tollhouse.dataplane.errors import ClientError, GatewayError
from tollhouse.dataplane.pipeline import BoundPlugin, Dispatcher, Pipeline, PluginSet, merge
from tollhouse.proto.fleet import RefusedObject

if TYPE_CHECKING:
    from tollhouse.dataplane.dispatch.setup.catalog import Catalog
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.plugin import PluginConfig
    from tollhouse.dataplane.reply import Reply


class CompiledRoute:
    """A route with its service and plugin config merged in. Replaced, never changed, when one of them changes."""

    __slots__ = (
        "_pipelines",
        "_plugins",
        "_upstream",
        "id",
        "labels",
        "matched_uri",
        "missing",
        "name",
        "resource",
        "service_id",
        "service_name",
        "upstream_id",
    )

    def __init__(
        self,
        resource: Any,
        *,
        route_id: str,
        service: Any,
        service_id: str,
        plugins: PluginSet,
        upstream: Dispatcher | None,
        upstream_id: str = "",
        missing: GatewayError | None = None,
    ) -> None:
        self.resource = resource
        """The route as configured (``tollhouse.proto.resources`` model)."""
        self.id = route_id
        self.name: str = resource.name or ""
        self.labels: Mapping[str, str] = resource.labels or {}
        self.matched_uri: str = resource.uri or (resource.uris[0] if resource.uris else "")
        self.service_id = service_id
        self.service_name: str = (service.name or "") if service is not None else ""
        self.upstream_id = upstream_id
        self.missing = missing
        """Something the route refers to does not exist: its requests get this error (APISIX)."""
        self._plugins = plugins
        self._upstream = upstream
        self._pipelines: dict[Any, tuple[Any, Pipeline]] = {}

    @property
    def plugins(self) -> PluginSet:
        """The merged plugins, before any consumer's."""
        return self._plugins

    def require_complete(self) -> None:
        """Raises GatewayError when the route refers to something that does not exist."""
        if self.missing is not None:
            raise self.missing

    def pipeline(self, global_plugins: tuple[BoundPlugin, ...], consumer: CompiledConsumer | None) -> Pipeline:
        """The pipeline for this route and a consumer's shape, compiled at its first request."""
        shape = None if consumer is None else consumer.shape
        cached = self._pipelines.get(shape)
        if cached is not None and cached[0] is global_plugins:
            return cached[1]
        own = self._plugins if consumer is None else merge(self._plugins, *consumer.plugin_sets)
        pipeline = Pipeline(global_plugins, own, self._upstream)
        if len(self._pipelines) > 1024:  # shapes of consumers long gone
            self._pipelines.clear()
        self._pipelines[shape] = (global_plugins, pipeline)
        return pipeline


class CompiledConsumer:
    """Who calls, with what its group and it bring along."""

    __slots__ = ("group_id", "labels", "missing_group", "name", "plugin_sets", "resource", "shape", "shapes_pipeline")

    def __init__(self, resource: Any, *, plugins: PluginSet, group: PluginSet | None, shape: Any) -> None:
        self.resource = resource
        self.name: str = resource.username
        self.group_id: str = resource.group_id or ""
        self.labels: Mapping[str, str] = resource.labels or {}
        self.missing_group = bool(self.group_id) and group is None
        self.plugin_sets: tuple[PluginSet, ...] = tuple(one for one in (group, plugins) if one)
        """Group first, consumer last; authentication plugins left out."""
        self.shapes_pipeline = bool(self.plugin_sets)
        self.shape = shape
        """Equal for consumers that bring the same plugins (all those that bring only their group's, say)."""


class Credential(NamedTuple):
    """One way a consumer is recognised."""

    username: str
    id: str
    """Empty when it stands in the consumer itself."""
    expires_at: float = 0.0
    """Epoch seconds; 0: never."""
    config: PluginConfig | None = None
    """What stands under the plugin's name, where the plugin needs it to check what is presented."""


class Recognised(NamedTuple):
    """Who presented a credential."""

    consumer: CompiledConsumer
    credential: Credential


@dataclass(frozen=True, slots=True)
class Consumers:
    """All consumers, and by what they are recognised."""

    names: ShardedMap[str, CompiledConsumer] = field(default_factory=ShardedMap)
    identities: ShardedMap[tuple[str, str], Credential] = field(default_factory=ShardedMap)
    """(plugin name, identity) -> how it is recognised."""

    def by_name(self, name: str) -> CompiledConsumer | None:
        found: CompiledConsumer | None = self.names.get(name)
        return found

    def recognise(self, plugin_name: str, digest: str, now: float) -> Recognised | None:
        """Who presents a credential with this digest to this authentication plugin, unless it is over."""
        found = self.identities.get((plugin_name, digest))
        if found is None or 0 < found.expires_at <= now:
            return None
        consumer = self.names.get(found.username)
        return None if consumer is None else Recognised(consumer, found)


class Snapshot:
    """What one exchange lives with from its first byte to its last. Immutable but for the count of its users."""

    __slots__ = (
        "budgets",
        "consumers",
        "endpoints",
        "global_pipeline",
        "global_plugins",
        "metadata",
        "models",
        "refused",
        "revision",
        "revision_text",
        "router",
        "routes",
        "source",
        "ssls",
        "users",
    )

    def __init__(
        self,
        *,
        revision: int,
        source: str,
        router: Router,
        routes: Mapping[str, CompiledRoute],
        consumers: Consumers,
        models: Catalog,
        ssls: Mapping[str, tuple[int, Any]],
        metadata: Mapping[str, PluginConfig],
        global_plugins: tuple[BoundPlugin, ...],
        refused: tuple[RefusedObject, ...],
        budgets: BudgetIndex = NO_BUDGETS,
    ) -> None:
        self.revision = revision
        self.revision_text = str(revision)
        self.source = source
        self.router = router
        self.routes = routes
        self.consumers = consumers
        self.models = models
        self.budgets = budgets
        """Budgets, stops, and the tree of consumer groups."""
        self.ssls = ssls
        """Id -> (mod revision, resource)."""
        self.metadata = metadata
        self.global_plugins = global_plugins
        self.global_pipeline = Pipeline(global_plugins, {}, None)
        """What requests without a route go through."""
        self.refused = refused
        self.endpoints: dict[str, Callable[[Exchange], Awaitable[Reply]]] = {}
        for one in global_plugins:
            self.endpoints.update(one.plugin.endpoints())
        self.users = 0
        """Exchanges that live with this snapshot; the gateway counts."""

    def match(self, ex: Exchange) -> CompiledRoute | None:
        """The route of a request. Raises ``variables.BodyNeeded`` when a condition looks into the body."""
        entry = self.router.match(ex.method, ex.host, ex.path, ex.client_ip, lambda name: variables.value(ex, name))
        payload: CompiledRoute | None = None if entry is None else entry.payload
        return payload

    def pipeline(self, route: CompiledRoute, consumer: CompiledConsumer | None) -> Pipeline:
        """The pipeline of a route for a consumer. Raises 503 when the consumer's group does not exist (APISIX)."""
        if consumer is not None and consumer.missing_group:
            raise ClientError(
                503,
                "consumer_group_missing",
                f"The consumer group {consumer.group_id!r} of consumer {consumer.name!r} does not exist.",
            )
        return route.pipeline(self.global_plugins, consumer)
