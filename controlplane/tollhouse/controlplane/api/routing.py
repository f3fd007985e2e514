"""Which REST path means what, in APISIX's order of precedence: path and verb first, then the key, then the resource."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "/apisix/admin"
METHODS = frozenset({"GET", "PUT", "POST", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Target:
    """A path taken apart."""

    resource: str
    """First segment below the root; ``schema/plugins/x`` is ``plugins``, a credential's path ``credentials``."""
    object_id: str = ""
    """As the service layer takes it: ``<username>/<id>`` for credentials, ``<manager>/<id>`` for secrets."""
    sub_path: str = ""


def read_path(path: str) -> Target:
    """The meaning of a decoded path that starts with ``ROOT/``."""
    segments = path[len(ROOT) + 1 :].split("/")
    resource, rest = segments[0], segments[1:]
    if resource == "schema" and rest[:1] == ["plugins"]:
        resource, rest = "plugins", rest[1:]
    if resource == "consumers" and rest[1:2] == ["credentials"]:
        return Target("credentials", f"{rest[0]}/{''.join(rest[2:3])}", "/".join(rest[3:]))
    if resource == "secrets" and len(rest) >= 2:
        return Target("secrets", f"{rest[0]}/{rest[1]}" if rest[1] else "", "/".join(rest[2:]))
    return Target(resource, "".join(rest[:1]), "/".join(rest[1:]))
