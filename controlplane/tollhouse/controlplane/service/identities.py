"""Who owns which caller's key: an index in etcd, so that a write need not read every consumer to find a duplicate.

An entry is written in the transaction of its consumer or credential, on the condition that nobody else took it. Objects
that came another way (from an older version, from APISIX itself, by etcdctl) have no entry: each control plane compares
the whole index with the objects once, before its first write of a consumer. Entries outlive owners that went another
way, so one that speaks of somebody else is believed only when that object really has the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tollhouse.controlplane.store.objects import IndexEntry, Stored
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.check import IDENTIFIED, identities

Place = tuple[str, str]


@dataclass(slots=True)
class Claim:
    """What a write of one object does to the index, and what must hold for it."""

    puts: dict[str, bytes] = field(default_factory=dict)
    released: dict[str, bytes] = field(default_factory=dict)
    unmoved: dict[str, int] = field(default_factory=dict)
    rivals: list[Stored] = field(default_factory=list)
    """Objects that own one of the keys already."""


class Identities:
    """The index. One per process; shared by all requests."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._complete = False

    @property
    def marker(self) -> str:
        """The key that must exist for a commit that relies on the index."""
        return self._store.index_marker

    async def ready(self, *, again: bool = False) -> None:
        """Make the index cover what is stored. Cheap once that is so; ``again``: look whether it still is."""
        if self._complete and not again:
            return
        async with self._lock:
            if self._complete and await self._store.index_entry(self.marker) is not None:
                return
            await self._store.add_to_index(await self._missing())
            self._complete = True

    async def claim(self, place: Place, value: Mapping[str, Any], before: Stored | None, lease: int) -> Claim:
        """What writing the object needs."""
        claim = Claim()
        held, owned = _held(place), self._entries(place[0], value)
        for key in owned:
            entry = await self._store.index_entry(key)
            claim.unmoved[key] = entry.mod_revision if entry else 0
            if entry is None or entry.value != held or entry.lease != lease:
                claim.puts[key] = held
            if entry is not None and entry.value != held:
                await self._judge(claim, key, entry.value)
        if before is not None:
            claim.released = {key: held for key in self._entries(place[0], before.value) if key not in owned}
        return claim

    def released(self, *objects: Stored) -> dict[str, bytes]:
        """The entries that go with objects that are deleted."""
        return {key: _held((item.kind, item.id)) for item in objects for key in self._entries(item.kind, item.value)}

    def of_set(
        self, before: Mapping[Place, Stored], puts: Mapping[Place, dict[str, Any]], deletes: list[Place]
    ) -> tuple[dict[str, bytes], list[str]]:
        """Entries to put and to delete with a document set that was planned against everything stored."""
        gone = {key for place in (*puts, *deletes) if place in before for key in self._entries_of(before[place])}
        written = {key: _held(place) for place, value in puts.items() for key in self._entries(place[0], value)}
        gone.difference_update(written)
        if gone:
            touched = {*puts, *deletes}
            gone.difference_update(
                key for place, item in before.items() if place not in touched for key in self._entries_of(item)
            )
        return written, sorted(gone)

    async def _judge(self, claim: Claim, key: str, held: bytes) -> None:
        """The entry names another object: a rival if that has the key, else a leftover that may be replaced."""
        kind, _, object_id = held.decode(errors="replace").partition("/")
        other = await self._store.get(kind, object_id) if kind in IDENTIFIED else None
        if other is not None and key in self._entries_of(other):
            claim.rivals.append(other)
        elif kind in IDENTIFIED:
            claim.unmoved[self._store.key(kind, object_id)] = other.mod_revision if other else 0

    async def _missing(self) -> list[IndexEntry]:
        view, index = await self._store.view(*IDENTIFIED), await self._store.index()
        owners: dict[str, list[Stored]] = {}
        for item in view.objects.values():
            for key in self._entries_of(item):
                owners.setdefault(key, []).append(item)
        missing = []
        for key, items in owners.items():
            known = index.get(key)
            if known is not None and known.value in [_held((item.kind, item.id)) for item in items]:
                continue
            first, revision = items[0], known.mod_revision if known else 0
            missing.append(IndexEntry(key, _held((first.kind, first.id)), revision, first.key, first.mod_revision))
        return missing

    def _entries_of(self, item: Stored) -> list[str]:
        return self._entries(item.kind, item.value)

    def _entries(self, kind: str, value: Mapping[str, Any]) -> list[str]:
        return [self._store.identity_key(plugin, digest) for plugin, digest in identities(kind, value)]


def _held(place: Place) -> bytes:
    return "/".join(place).encode()
