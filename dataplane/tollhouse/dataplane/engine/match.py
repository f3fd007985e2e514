"""Which route a request takes, with APISIX's rules.

The host decides first: an exact host, then wildcards from the longest, then routes without a host. Inside a host an
exact path beats any prefix and a longer prefix a shorter one; ``priority`` only orders routes of one path or prefix.
A route that a later condition rejects (method, address, vars) does not end the search.

Paths are found by hash, prefixes by one hash per distinct length, so 10,000 routes cost as much as ten. A router is
immutable; ``with_changes`` gives a new one that shares everything the change does not touch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from tollhouse.dataplane.engine.addresses import AddressSet, read_address
from tollhouse.dataplane.engine.expression import Lookup, Predicate
from tollhouse.proto.expression import compile_pattern

Order = tuple[int, str]
"""Who was there first: (create revision, id)."""


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """What routing needs to know of one route."""

    id: str
    uris: tuple[str, ...]
    """Exact, or with ``*`` at the end (prefix) or in the middle."""
    hosts: tuple[str, ...] = ()
    """Empty: any host. ``*.example.com`` stands for all hosts that end so."""
    methods: frozenset[str] | None = None
    """None: all."""
    remote_addrs: AddressSet | None = None
    """None: any client."""
    vars_predicate: Predicate | None = None
    priority: int = 0
    order: Order = (0, "")
    payload: Any = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route under one of its hosts and paths."""

    entry: RouteEntry
    host: str
    """The host as the route has it; empty when it has none."""
    uri: str
    """The path as the route has it."""
    pattern: Callable[[str], object] | None
    """Set when ``*`` stands in the middle of the path."""
    rank: tuple[int, int, Order] = field(compare=False)


Bucket = tuple[Candidate, ...]
_RANK = attrgetter("rank")


class _Paths:
    """The routes of one host, by path. Immutable once it is in a router."""

    __slots__ = ("exact", "lengths", "prefixes")

    def __init__(self, exact: dict[str, Bucket], prefixes: dict[str, Bucket]) -> None:
        self.exact = exact
        self.prefixes = prefixes
        self.lengths = tuple(sorted({len(prefix) for prefix in prefixes}, reverse=True))

    def buckets(self, path: str) -> Iterator[Bucket]:
        """The buckets that may hold a match, best first."""
        bucket = self.exact.get(path)
        if bucket is not None:
            yield bucket
        prefixes, size = self.prefixes, len(path)
        for length in self.lengths:
            if length <= size:
                bucket = prefixes.get(path[:length])
                if bucket is not None:
                    yield bucket


_NOTHING = _Paths({}, {})


class Router:
    """All routes. Immutable; shared by all exchanges of a snapshot."""

    __slots__ = ("_entries", "_exact_hosts", "_suffix_hosts", "_suffix_lengths", "_without_host")

    def __init__(self, entries: Iterable[RouteEntry] = ()) -> None:
        self._entries: dict[str, RouteEntry] = {}
        self._exact_hosts: dict[str, _Paths] = {}
        self._suffix_hosts: dict[str, _Paths] = {}
        self._suffix_lengths: tuple[int, ...] = ()
        self._without_host = _NOTHING
        self._change(entries, ())

    def __len__(self) -> int:
        return len(self._entries)

    def with_changes(self, added: Iterable[RouteEntry] = (), removed: Iterable[str] = ()) -> Router:
        """A router with these routes put in (replacing those of the same id) and these ids gone."""
        twin = Router.__new__(Router)
        twin._entries = dict(self._entries)
        twin._exact_hosts = dict(self._exact_hosts)
        twin._suffix_hosts = dict(self._suffix_hosts)
        twin._suffix_lengths = self._suffix_lengths
        twin._without_host = self._without_host
        twin._change(added, removed)
        return twin

    def match(self, method: str, host: str, path: str, client_ip: str, lookup: Lookup) -> RouteEntry | None:
        """The route of a request, None when there is none. What ``lookup`` raises passes through."""
        candidate = self.find(method, host, path, client_ip, lookup)
        return None if candidate is None else candidate.entry

    def find(self, method: str, host: str, path: str, client_ip: str, lookup: Lookup) -> Candidate | None:
        """As ``match``, and under which of its hosts and paths the route was found."""
        address: tuple[int, int] | None = None
        for paths in self._hosts(host):
            for bucket in paths.buckets(path):
                for candidate in bucket:
                    entry = candidate.entry
                    if entry.methods is not None and method not in entry.methods:
                        continue
                    if candidate.pattern is not None and candidate.pattern(path) is None:
                        continue
                    if entry.remote_addrs is not None:
                        address = address or read_address(client_ip) or (0, 0)
                        if not entry.remote_addrs.has(*address):
                            continue
                    if entry.vars_predicate is not None and not entry.vars_predicate(lookup):
                        continue
                    return candidate
        return None

    def _hosts(self, host: str) -> Iterator[_Paths]:
        if self._exact_hosts or self._suffix_hosts:
            host = host.lower()
            paths = self._exact_hosts.get(host)
            if paths is not None:
                yield paths
            size = len(host)
            for length in self._suffix_lengths:
                if length <= size:
                    paths = self._suffix_hosts.get(host[size - length :])
                    if paths is not None:
                        yield paths
        yield self._without_host

    # -- building; only ever called on a router nobody else has seen yet

    def _change(self, added: Iterable[RouteEntry], removed: Iterable[str]) -> None:
        incoming = {entry.id: entry for entry in added}
        gone = {id for id in removed if id not in incoming}
        changes: dict[str, _Changes] = {}
        for id in (*gone, *incoming):
            old = self._entries.pop(id, None)
            if old is not None:
                for host in old.hosts or ("",):
                    changes.setdefault(host.lower(), _Changes()).remove(old)
        for entry in incoming.values():
            self._entries[entry.id] = entry
            for host in entry.hosts or ("",):
                changes.setdefault(host.lower(), _Changes()).add(entry, host)
        for host, change in changes.items():
            self._change_host(host, change)
        self._suffix_lengths = tuple(sorted({len(suffix) for suffix in self._suffix_hosts}, reverse=True))

    def _change_host(self, host: str, change: _Changes) -> None:
        if not host:
            self._without_host = change.apply(self._without_host)
            return
        table, key = (self._suffix_hosts, host[1:]) if host.startswith("*") else (self._exact_hosts, host)
        paths = change.apply(table.get(key, _NOTHING))
        if paths.exact or paths.prefixes:
            table[key] = paths
        else:
            table.pop(key, None)


class _Changes:
    """What changes under one host, gathered per bucket so that each is rebuilt once."""

    def __init__(self) -> None:
        self._added: dict[tuple[bool, str], list[Candidate]] = {}
        self._removed: dict[tuple[bool, str], set[str]] = {}

    def add(self, entry: RouteEntry, host: str) -> None:
        for uri in entry.uris:
            candidate = Candidate(entry, host, uri, _middle_pattern(uri), (-entry.priority, -len(uri), entry.order))
            self._added.setdefault(_bucket_of(uri), []).append(candidate)

    def remove(self, entry: RouteEntry) -> None:
        for uri in entry.uris:
            self._removed.setdefault(_bucket_of(uri), set()).add(entry.id)

    def apply(self, paths: _Paths) -> _Paths:
        exact, prefixes = dict(paths.exact), dict(paths.prefixes)
        for key in self._added.keys() | self._removed.keys():
            is_prefix, path = key
            table = prefixes if is_prefix else exact
            gone = self._removed.get(key, ())
            bucket = [item for item in table.get(path, ()) if item.entry.id not in gone]
            bucket += self._added.get(key, ())
            if bucket:
                bucket.sort(key=_RANK)
                table[path] = tuple(bucket)
            else:
                table.pop(path, None)
        return _Paths(exact, prefixes)


def _bucket_of(uri: str) -> tuple[bool, str]:
    """(is a prefix, the fixed text up to the first ``*``)."""
    fixed, star, _ = uri.partition("*")
    return bool(star), fixed


def _middle_pattern(uri: str) -> Callable[[str], object] | None:
    """A path with ``*`` before its end: a part that starts with ``*`` (``*`` or ``*name``) stands for anything."""
    if uri.find("*") in (-1, len(uri) - 1):
        return None
    parts = [".*" if part.startswith("*") else _literal(part) for part in uri.split("/")]
    # RE2, because several ``.*`` in one pattern make a backtracking engine slow on hostile paths.
    fullmatch = compile_pattern("(?s)" + "/".join(parts)).fullmatch

    def matcher(path: str) -> object:
        try:
            return fullmatch(path)
        except UnicodeEncodeError:  # bytes that are no UTF-8, carried as surrogates
            return None

    return matcher


def _literal(part: str) -> str:
    return ".*".join(re.escape(piece) for piece in part.split("*"))
