"""Where an object of the configuration lets the gateway connect to, and whether it may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from tollhouse.proto.problems import Problem
from tollhouse.proto.reachable import ALLOWED, Reachable

_HOSTS = frozenset(("host", "redis_host"))
_SERVERS = frozenset(("nodes", "brokers", "broker_list", "redis_cluster_nodes", "redis_sentinels", "endpoint_addr"))
"""Fields that hold servers: ``host:port`` as names of a map or items of a list."""
_SAID = frozenset(
    (
        "deny_patterns", "allow_patterns", "block_patterns", "allow", "deny", "message", "desc", "description",
        "content", "issuer", "allow_origins", "labels", "cause", "text",
    )
)  # fmt: skip
"""Fields whose text is said or compared, never connected to."""
_SCHEMES = ("http://", "https://", "smtp://", "smtps://", "redis://", "rediss://", "tcp://", "udp://", "grpc://")


def unreachable(value: Mapping[str, Any], place: str, reachable: Reachable | None = None) -> list[Problem]:
    """A problem for each field of an object that names an address no node connects to."""
    policy = reachable or Reachable.from_environment()
    remedy = f"name another server; {ALLOWED} on control planes and nodes makes exceptions"
    problems = []
    for path, host in _destinations(value, place, ""):
        if not policy.may_name(host):
            what = f"{host!r} is a link-local or metadata address, which no node connects to"
            problems.append(Problem(path, what, remedy))
    return problems


def _destinations(value: Any, path: str, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _SAID:
                continue
            if name in _SERVERS and isinstance(key, str):
                yield f"{path}.{key}", _host(key)
            yield from _destinations(inner, f"{path}.{key}", str(key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _destinations(inner, f"{path}[{place}]", name)
    elif isinstance(value, str):
        if value[:9].lower().startswith(_SCHEMES):
            yield path, _of_url(value)
        elif name in _HOSTS or name in _SERVERS:
            yield path, _host(value)


def _of_url(url: str) -> str:
    """The host; backslashes and blanks are read as lenient readers do."""
    try:
        return urlsplit(url.strip().replace("\\", "/")).hostname or ""
    except ValueError:
        return ""


def _host(server: str) -> str:
    """Of ``host:port``, ``[v6]:port`` or a host alone."""
    if server.startswith("["):
        return server[1:].partition("]")[0]
    return server if server.count(":") > 1 else server.partition(":")[0]
