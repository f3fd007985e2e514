"""Where a Redis is and how it is spoken to: from the fields of a policy, or from an address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

Kind = Literal["redis", "redis-cluster", "redis-sentinel"]
PORTS: dict[str, int] = {"redis": 6379, "redis-cluster": 6379, "redis-sentinel": 26379}
FORMS = (
    "redis://HOST:PORT/DB, redis-cluster://HOST:PORT,HOST:PORT or redis-sentinel://HOST:PORT,HOST:PORT/MASTER/DB "
    "(rediss... for TLS)"
)
_OPTIONS = frozenset({"verify", "ca", "cert", "key", "sentinel_username", "sentinel_password"})
Nodes = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """A server, some nodes of a cluster, or the sentinels that know the master."""

    kind: Kind
    nodes: Nodes
    master: str = ""
    """The name the sentinels know it by."""
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: bool = False
    verify: bool = True
    """Check certificates."""
    ca_file: str = ""
    """CA of their certificates; empty: the system's."""
    cert_file: str = ""
    """Our certificate, where they want one."""
    key_file: str = ""
    timeout_s: float = 1.0
    most_connections: int = 100


def place_of_policy(kind: Kind, fields: Mapping[str, Any]) -> RedisPlace:
    """APISIX's ``redis_*`` fields."""
    if kind == "redis-cluster":
        nodes = tuple(_host_port(node, PORTS[kind]) for node in fields["redis_cluster_nodes"])
    elif kind == "redis-sentinel":
        nodes = tuple((one["host"], int(one["port"])) for one in map(dict, fields["redis_sentinels"]))
    else:
        nodes = ((fields["redis_host"], int(fields.get("redis_port", PORTS[kind]))),)
    return RedisPlace(
        kind,
        nodes,
        fields.get("redis_master_name", ""),
        int(fields.get("redis_database", 0)),
        fields.get("redis_username") or None,
        fields.get("redis_password") or None,
        fields.get("sentinel_username") or None,
        fields.get("sentinel_password") or None,
        bool(fields.get("redis_ssl")),
        bool(fields.get("redis_ssl_verify")),
        timeout_s=int(fields.get("redis_timeout", 1000)) / 1000,
        most_connections=int(fields.get("redis_keepalive_pool", 100)),
    )


def place_of_address(address: str, timeout_s: float = 1.0) -> RedisPlace:
    """``redis[s]://``, ``redis[s]-cluster://`` and ``redis[s]-sentinel://``, with user and password before an ``@``;
    options: ``verify=no``, ``ca=FILE``, ``cert=FILE``, ``key=FILE``, ``sentinel_username``, ``sentinel_password``.
    Raises ValueError that does not repeat the address: it may hold a password."""
    parts = urlsplit(address)
    tls = parts.scheme.startswith("rediss")
    kind = parts.scheme.replace("rediss", "redis", 1)
    if kind not in PORTS:
        raise ValueError(f"expected {FORMS}")
    who, _, where = parts.netloc.rpartition("@")
    username, _, password = who.partition(":")
    nodes = tuple(_host_port(node, PORTS[kind]) for node in where.split(",") if node)
    path = [unquote(step) for step in parts.path.split("/") if step]
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = options.keys() - _OPTIONS
    if unknown:
        raise ValueError(f"unknown option {min(unknown)!r}; there are {', '.join(sorted(_OPTIONS))}")
    master = path.pop(0) if kind == "redis-sentinel" and path else ""
    database = path.pop(0) if kind != "redis-cluster" and path else "0"
    if not nodes or path or not database.isdecimal() or (kind == "redis-sentinel") != bool(master):
        raise ValueError(f"expected {FORMS}")
    if kind == "redis" and len(nodes) > 1:
        raise ValueError("redis:// names one server; for several write redis-cluster:// or redis-sentinel://")
    return RedisPlace(
        kind,  # type: ignore[arg-type]
        nodes,
        master,
        int(database),
        unquote(username) or None,
        unquote(password) or None,
        options.get("sentinel_username"),
        options.get("sentinel_password"),
        tls,
        options.get("verify", "yes") != "no",
        options.get("ca", ""),
        options.get("cert", ""),
        options.get("key", ""),
        timeout_s,
    )


def _host_port(node: str, usual: int) -> tuple[str, int]:
    """``host``, ``host:port`` or ``[v6]:port``. Raises ValueError."""
    host, colon, port = node.rpartition(":")
    if not colon or node.endswith("]"):
        return node.strip("[]"), usual
    return host.strip("[]"), int(port)
