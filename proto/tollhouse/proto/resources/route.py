"""Routes and services: which requests are meant, and what happens to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, field_validator, model_validator
from tollhouse.proto.expression import check_expression
from tollhouse.proto.resources.fields import (
    Address,
    Addresses,
    Description,
    Host,
    Hosts,
    Labels,
    LuaSource,
    Name,
    ObjectId,
    Plugins,
    Resource,
    Timeout,
    Uri,
    Uris,
    unique,
)
from tollhouse.proto.resources.upstream import UpstreamFields

Method = Literal["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE"]

_ACTS = ("plugins", "upstream", "upstream_id", "service_id", "plugin_config_id")


def _no_websocket(value: bool | None) -> bool | None:
    if value:
        raise ValueError("WebSocket is not proxied by this gateway; remove enable_websocket")
    return value


Websocket = Annotated[bool | None, AfterValidator(_no_websocket)]


class Route(Resource):
    """Which requests are meant (uri, host, method, address, vars), and what happens to them."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """What the route is for."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    uri: Uri | None = None
    """The path that is matched: exact, or a prefix when it ends with ``*``. One of uri and uris is needed."""

    uris: Uris | None = None
    """Several paths, any of which is matched."""

    host: Host | None = None
    """The host that is matched; ``*.example.com`` stands for its subdomains."""

    hosts: Hosts | None = None
    """Several hosts, any of which is matched."""

    methods: Annotated[list[Method], AfterValidator(unique)] | None = None
    """The methods that are matched; all when not given."""

    remote_addr: Address | None = None
    """The client's address or range."""

    remote_addrs: Addresses | None = None
    """Several addresses or ranges, any of which is matched."""

    vars: list[Any] | None = None
    """An expression over request variables that must hold, e.g. ``[["arg_x", "==", "1"]]``."""

    priority: int = 0
    """Among routes with the same path the higher priority is tried first."""

    filter_func: LuaSource = None
    """APISIX's Lua filter; refused."""

    script: LuaSource = None
    """APISIX's Lua script; refused."""

    script_id: LuaSource = None
    """The id of a Lua script; refused."""

    plugins: Plugins | None = None
    """Plugin name to config."""

    plugin_config_id: ObjectId | None = None
    """A plugin_config whose plugins fill the gaps of this route's."""

    upstream: UpstreamFields | None = None
    """Where requests go, written in place."""

    upstream_id: ObjectId | None = None
    """Where requests go, by reference."""

    service_id: ObjectId | None = None
    """The service this route belongs to: its plugins, upstream and hosts are inherited."""

    service_protocol: Literal["http"] | None = None
    """The protocol behind the route; only ``http``."""

    timeout: Timeout | None = None
    """Replaces the upstream's timeouts."""

    enable_websocket: Websocket = None
    """APISIX's switch for WebSocket; only false is accepted."""

    status: Literal[0, 1] = 1
    """1 serves, 0 switches the route off."""

    @field_validator("vars")
    @classmethod
    def _vars_compile(cls, value: list[Any] | None) -> list[Any] | None:
        if value:
            check_expression(value)
        return value

    @model_validator(mode="after")
    def _one_of_each(self) -> Route:
        if (self.uri is None) == (self.uris is None):
            raise ValueError("a route needs exactly one of uri and uris")
        if self.host is not None and self.hosts is not None:
            raise ValueError("only one of host and hosts may be given")
        if self.remote_addr is not None and self.remote_addrs is not None:
            raise ValueError("only one of remote_addr and remote_addrs may be given")
        if not any(getattr(self, name) is not None for name in _ACTS):
            raise ValueError(f"a route needs at least one of {', '.join(_ACTS)}: it would have nothing to do")
        return self

    @property
    def all_uris(self) -> list[str]:
        """The paths, however they were given."""
        return self.uris if self.uris is not None else [self.uri or "/*"]

    @property
    def all_hosts(self) -> list[str]:
        """The hosts, however they were given; empty: any host (or the service's hosts)."""
        return self.hosts if self.hosts is not None else [self.host] if self.host is not None else []

    @property
    def all_remote_addrs(self) -> list[str]:
        """The client addresses and ranges, however they were given; empty: any."""
        if self.remote_addrs is not None:
            return self.remote_addrs
        return [self.remote_addr] if self.remote_addr is not None else []


class Service(Resource):
    """What several routes have in common."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """What the service is for."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    hosts: Hosts | None = None
    """Hosts of the routes that name none themselves."""

    plugins: Plugins | None = None
    """Plugin name to config; a route's own config of the same plugin replaces it whole."""

    upstream: UpstreamFields | None = None
    """Where requests go, written in place."""

    upstream_id: ObjectId | None = None
    """Where requests go, by reference."""

    script: LuaSource = None
    """APISIX's Lua script; refused."""

    enable_websocket: Websocket = None
    """APISIX's switch for WebSocket; only false is accepted."""
