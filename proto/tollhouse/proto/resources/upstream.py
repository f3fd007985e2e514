"""Upstreams: the servers behind a route, how one is chosen, and how their health is watched."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from tollhouse.proto.resources.fields import (
    Description,
    Host,
    Labels,
    Name,
    Part,
    Resource,
    Secret,
    Timeout,
    is_reference,
    refuse,
    unique,
)

Status = Annotated[int, Field(ge=200, le=599)]
Statuses = Annotated[list[Status], Field(min_length=1), AfterValidator(unique)]
Count = Annotated[int, Field(ge=1, le=254)]
Port = Annotated[int, Field(ge=1, le=65535)]
ProbeType = Literal["http", "https", "tcp"]


class Node(Part):
    """One server."""

    host: Host
    """A host name or an IP address."""

    port: Port | None = None
    """The port; 80 or 443 by the scheme when not given."""

    weight: int = Field(ge=0)
    """Its share of the traffic; 0 takes none."""

    priority: int = 0
    """Nodes of a lower priority serve only while none of a higher one can."""

    metadata: dict[str, Any] | None = None
    """Free facts about the node."""


def _nodes(value: Any) -> Any:
    """The map form ``{"host:port": weight}`` as a list of nodes."""
    if isinstance(value, dict):
        return [_node(address, weight) for address, weight in value.items()]
    return value


def _node(address: Any, weight: Any) -> dict[str, Any]:
    if isinstance(weight, bool) or not isinstance(weight, int) or weight < 0:
        raise ValueError(f"the weight of node {address!r} must be an integer from 0")
    host, colon, port = str(address).rpartition(":")
    if not colon or address.endswith("]") or (":" in host.strip("[]") and not host.startswith("[")):
        return {"host": address, "weight": weight}  # no port, or a bare IPv6 address
    if not port.isdigit():
        raise ValueError(f"the port of node {address!r} is not a number")
    return {"host": host, "port": int(port), "weight": weight}


_NODE_SCHEMA = {
    "type": "object",
    "properties": {
        "host": {"type": "string"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "weight": {"type": "integer", "minimum": 0},
        "priority": {"type": "integer", "default": 0},
        "metadata": {"type": "object"},
    },
    "required": ["host", "weight"],
}
_NODES_SCHEMA = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
        {"type": "array", "items": _NODE_SCHEMA},
    ]
}

Nodes = Annotated[list[Node], BeforeValidator(_nodes), WithJsonSchema(_NODES_SCHEMA)]


class ActiveHealthy(Part):
    """When a probed node counts as healthy again."""

    interval: int = Field(default=1, ge=1)
    """Seconds between probes of a healthy node."""

    http_statuses: Statuses = [200, 302]
    """Statuses that count as success."""

    successes: Count = 2
    """So many in a row make it healthy."""


class ActiveUnhealthy(Part):
    """When a probed node counts as unhealthy."""

    interval: int = Field(default=1, ge=1)
    """Seconds between probes of an unhealthy node."""

    http_statuses: Statuses = [429, 404, 500, 501, 502, 503, 504, 505]
    """Statuses that count as failure."""

    http_failures: Count = 5
    """So many failing statuses make it unhealthy."""

    tcp_failures: Count = 2
    """So many failed connections make it unhealthy."""

    timeouts: Count = 3
    """So many timeouts make it unhealthy."""


class ActiveCheck(Part):
    """Probes sent to every node."""

    type: ProbeType = "http"
    """How to probe: a request, or only a connection."""

    timeout: float = Field(default=1, gt=0)
    """Seconds a probe may take."""

    concurrency: int = Field(default=10, ge=1)
    """Probes under way at the same time."""

    host: Host | None = None
    """The Host header of probes; the node's own when not given."""

    port: Port | None = None
    """The port to probe; the node's own when not given."""

    http_path: str = "/"
    """The path to request."""

    http_method: Literal["GET", "HEAD", "POST", "PUT", "OPTIONS"] = "GET"
    """The method of probes."""

    https_verify_certificate: bool = True
    """Verify the node's certificate."""

    req_headers: Annotated[list[str], Field(min_length=1)] | None = None
    """Further header lines of probes, e.g. ``User-Agent: probe``."""

    healthy: ActiveHealthy = ActiveHealthy()
    """When a node counts as healthy again."""

    unhealthy: ActiveUnhealthy = ActiveUnhealthy()
    """When a node counts as unhealthy."""


class PassiveHealthy(Part):
    """Which answers to real traffic speak for a node."""

    http_statuses: Statuses = [*range(200, 209), 226, *range(300, 309)]
    """Statuses that count as success."""

    successes: Annotated[int, Field(ge=0, le=254)] = 5
    """So many in a row make it healthy; 0 leaves that to probes."""


class PassiveUnhealthy(Part):
    """Which answers to real traffic speak against a node."""

    http_statuses: Statuses = [429, 500, 503]
    """Statuses that count as failure."""

    http_failures: Annotated[int, Field(ge=0, le=254)] = 5
    """So many failing statuses make it unhealthy; 0 never."""

    tcp_failures: Annotated[int, Field(ge=0, le=254)] = 2
    """So many failed connections make it unhealthy; 0 never."""

    timeouts: Annotated[int, Field(ge=0, le=254)] = 7
    """So many timeouts make it unhealthy; 0 never."""


class PassiveCheck(Part):
    """Health judged by real traffic."""

    type: ProbeType = "http"
    """What is judged: answers, or only connections."""

    healthy: PassiveHealthy = PassiveHealthy()
    """Which answers speak for a node."""

    unhealthy: PassiveUnhealthy = PassiveUnhealthy()
    """Which answers speak against a node."""


class Checks(Part):
    """Health checks. Passive ones need active ones, which alone can bring a node back."""

    active: ActiveCheck
    """Probes sent to every node."""

    passive: PassiveCheck | None = None
    """Health judged by real traffic."""


def _pem(value: str) -> str:
    if not is_reference(value) and not 128 <= len(value) <= 65536:
        raise ValueError("expected PEM text of 128 to 65536 characters, or a $env:// or $secret:// reference")
    return value


Pem = Annotated[str, AfterValidator(_pem)]
SecretPem = Annotated[Secret, AfterValidator(_pem)]


class UpstreamTls(Part):
    """TLS towards the nodes."""

    client_cert: Pem | None = None
    """The gateway's own certificate for mutual TLS, PEM."""

    client_key: SecretPem | None = None
    """The private key of ``client_cert``, PEM."""

    client_cert_id: Annotated[
        None, refuse("client_cert_id is not supported", "write client_cert and client_key"), WithJsonSchema({"not": {}})
    ] = None
    """APISIX's reference to an ssl object; refused."""

    verify: bool = False
    """Verify the nodes' certificates."""

    @model_validator(mode="after")
    def _pair(self) -> UpstreamTls:
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("client_cert and client_key belong together: give both or neither")
        return self


class KeepalivePool(Part):
    """Connections kept for the next request."""

    size: int = Field(default=320, ge=1)
    """Idle connections kept."""

    idle_timeout: float = Field(default=60, ge=0)
    """Seconds an idle connection is kept."""

    requests: int = Field(default=1000, ge=1)
    """Requests after which a connection is closed."""


def _scheme(value: Any) -> Any:
    if value not in ("http", "https") and isinstance(value, str):
        raise ValueError(f"scheme {value!r} is not supported; this gateway proxies http and https")
    return value


Discovery = Annotated[
    None,
    refuse("service discovery is not supported", "write the addresses under nodes; DNS names are resolved"),
    WithJsonSchema({"not": {}}),
]


class UpstreamFields(Resource):
    """Where requests go. Also written in place, inside a route or a service."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """What the upstream is."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    type: Literal["roundrobin", "chash", "ewma", "least_conn"] = "roundrobin"
    """How a node is chosen: by weight in turn, by hash of ``key``, by lowest latency, by fewest requests under way."""

    nodes: Nodes
    """The servers: ``{"host:port": weight}``, or a list of objects with host, port, weight and priority."""

    hash_on: Literal["vars", "header", "cookie", "consumer", "vars_combinations"] = "vars"
    """What ``key`` names, for ``chash``."""

    key: str | None = None
    """The variable, header or cookie that ``chash`` hashes."""

    checks: Checks | None = None
    """Health checks of the nodes."""

    retries: int | None = Field(default=None, ge=0)
    """How often a failed request goes to another node; as often as there are nodes when not given, 0 never."""

    retry_timeout: float | None = Field(default=None, ge=0)
    """Seconds after which no further retry is begun; 0 or none: no such limit."""

    timeout: Timeout | None = None
    """How long to wait per phase."""

    scheme: Annotated[Literal["http", "https"], BeforeValidator(_scheme)] = "http"
    """The protocol of the nodes."""

    pass_host: Literal["pass", "node", "rewrite"] = "pass"
    """The Host header sent: the client's, the node's, or ``upstream_host``."""

    upstream_host: Host | None = None
    """The Host header sent when ``pass_host`` is ``rewrite``."""

    tls: UpstreamTls | None = None
    """TLS towards the nodes."""

    keepalive_pool: KeepalivePool | None = None
    """Connections kept for the next request."""

    service_name: Discovery = None
    """APISIX's service discovery; refused."""

    discovery_type: Discovery = None
    """APISIX's service discovery; refused."""

    discovery_args: Discovery = None
    """APISIX's service discovery; refused."""

    @model_validator(mode="after")
    def _consistent(self) -> UpstreamFields:
        if self.type == "chash" and self.key is None and self.hash_on != "consumer":
            raise ValueError("type chash needs key: the variable, header or cookie to hash")
        if self.pass_host == "rewrite" and self.upstream_host is None:
            raise ValueError("pass_host rewrite needs upstream_host")
        return self


class Upstream(UpstreamFields):
    """An upstream with an id of its own, to which routes and services refer."""
