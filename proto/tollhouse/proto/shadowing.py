"""Finds routes that can never be reached, because another one takes every request they could get."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.proto.problems import Problem

_NEVER_CREATED = 1 << 62
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE"})


@dataclass(frozen=True, slots=True)
class _Match:
    """What a route asks of a request, beside host and path."""

    id: str
    priority: int
    created: int
    methods: frozenset[str] | None
    addresses: tuple[str, ...]
    vars: str
    """As JSON; empty: no condition."""

    def precedes(self, other: _Match, uri: str, other_uri: str) -> bool:
        """Whether it is tried first among routes of the same host and fixed path."""
        mine = (-self.priority, -len(uri), self.created, self.id)
        return mine < (-other.priority, -len(other_uri), other.created, other.id)

    def takes_all_of(self, other: _Match) -> bool:
        """Whether it accepts every request the other would."""
        if self.methods is not None and not self.methods >= (other.methods or _METHODS):
            return False
        if self.vars and self.vars != other.vars:
            return False
        return not self.addresses or (bool(other.addresses) and all(map(self._has_address, other.addresses)))

    def _has_address(self, address: str) -> bool:
        try:
            inner = ipaddress.ip_network(address, strict=False)
            outers = [ipaddress.ip_network(mine, strict=False) for mine in self.addresses]
        except ValueError:
            return False
        return any(outer.version == inner.version and inner.subnet_of(outer) for outer in outers)  # type: ignore[arg-type]


def shadowed_routes(
    routes: Mapping[str, Mapping[str, Any]],
    services: Mapping[str, Mapping[str, Any]],
    created: Mapping[str, int],
    concerned: Collection[str] | None = None,
) -> list[Problem]:
    """A warning per route that can never be reached, naming the one that takes its requests. ``created`` holds create
    revisions; routes without one are new, and of equals the lower id is tried first. With ``concerned`` only pairs in
    which one of these routes takes part are told. Values may be invalid: what cannot be understood is skipped."""
    places: dict[tuple[str, str], list[tuple[_Match, str]]] = {}
    wanted: list[tuple[_Match, list[tuple[str, str]]]] = []
    for route_id, value in routes.items():
        match = _read(route_id, value, created)
        if match is None:
            continue
        own = [(host, uri) for host in _hosts(value, services) for uri in _uris(value)]
        wanted.append((match, own))
        for host, uri in own:
            places.setdefault((host, _bucket(uri)), []).append((match, uri))
    problems = []
    for match, own in wanted:
        takers = [_taker(match, uri, places[host, _bucket(uri)]) for host, uri in own]
        if own and all(takers):
            names = list(dict.fromkeys(taker for taker in takers if taker))
            if concerned is None or match.id in concerned or not set(names).isdisjoint(concerned):
                problems.append(_warning(match.id, names))
    return problems


def _taker(match: _Match, uri: str, rivals: list[tuple[_Match, str]]) -> str:
    """The route that takes all requests for this path before ``match`` is asked; empty when none does."""
    for rival, rival_uri in rivals:
        same_path = rival_uri in (uri, _fixed(uri) + "*")
        if rival is not match and same_path and rival.precedes(match, rival_uri, uri) and rival.takes_all_of(match):
            return rival.id
    return ""


def _warning(route_id: str, takers: list[str]) -> Problem:
    first = takers[0]
    others = "".join(f" and {name}" for name in takers[1:])
    same = "it has" if len(takers) == 1 else "they have"
    return Problem(
        f"routes/{route_id}",
        f"route {route_id!r} can never be reached: every request it could get is taken by {first}{others}, "
        f"because {same} the same match and {'is' if len(takers) == 1 else 'are'} tried first",
        "separate them by vars (e.g. "
        f'[["http_x_agent", "==", "{route_id}"]] here), by host, methods or remote_addrs; '
        f"give {route_id} a higher priority to let it serve instead; or keep one route and put what differs "
        "under the consumers' own plugins",
        severity="warning",
    )


def _read(route_id: str, value: Mapping[str, Any], created: Mapping[str, int]) -> _Match | None:
    priority, methods, conditions = value.get("priority", 0), value.get("methods"), value.get("vars")
    if value.get("status", 1) != 1 or not isinstance(priority, int):
        return None
    addresses = _strings(value.get("remote_addrs")) or _strings(value.get("remote_addr"))
    return _Match(
        id=route_id,
        priority=priority,
        created=created.get(route_id, _NEVER_CREATED),
        methods=frozenset(_strings(methods)) or None,
        addresses=tuple(addresses),
        vars=json.dumps(conditions, sort_keys=True) if conditions else "",
    )


def _hosts(value: Mapping[str, Any], services: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    own = _strings(value.get("hosts")) or _strings(value.get("host"))
    if not own:
        own = _strings(services.get(str(value.get("service_id", "")), {}).get("hosts"))
    yield from (host.lower() for host in own or [""])


def _uris(value: Mapping[str, Any]) -> list[str]:
    return _strings(value.get("uris")) or _strings(value.get("uri"))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _fixed(uri: str) -> str:
    return uri.partition("*")[0]


def _bucket(uri: str) -> str:
    """Routes are tried together when their fixed path is the same; exact paths and prefixes apart."""
    return _fixed(uri) + "*" if "*" in uri else uri
