"""The front of the service layer: what REST and gRPC call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from tollhouse.controlplane.author import permit
from tollhouse.controlplane.service import listing, rules
from tollhouse.controlplane.service.applying import Applier, Source
from tollhouse.controlplane.service.approvals import Approvals
from tollhouse.controlplane.service.checking import Checker
from tollhouse.controlplane.service.deleting import Deleter
from tollhouse.controlplane.service.exclusion import Exclusion
from tollhouse.controlplane.service.fleet import Fleet
from tollhouse.controlplane.service.history import History
from tollhouse.controlplane.service.identities import Identities
from tollhouse.controlplane.service.objects import Applied, Deleted, Event, Listing, Shown, Written
from tollhouse.controlplane.service.permits import Permits, Reach
from tollhouse.controlplane.service.refusal import KeyNotFound, invalid
from tollhouse.controlplane.service.resealing import Resealer
from tollhouse.controlplane.service.writing import Writer
from tollhouse.controlplane.store.objects import Stored
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.etcd import WatchBatch
from tollhouse.proto.problems import Problem
from tollhouse.proto.resources import KINDS
from tollhouse.proto.sealing import Sealer

__all__ = ["Service", "Source"]


class Service:
    """Everything both faces offer. Lives as long as the process; shared by all requests."""

    def __init__(self, store: Store, sealer: Sealer, clock: Callable[[], float]) -> None:
        self._store = store
        self.permits = Permits(store)
        self.checker = Checker(sealer)
        self.fleet = Fleet(store)
        exclusion, identities = Exclusion(), Identities(store)
        self._writer = Writer(store, self.checker, clock, exclusion, identities)
        self._deleter = Deleter(store, exclusion, identities)
        self._applier = Applier(store, self.checker, clock, exclusion, identities)
        self.approvals = Approvals(store, self.checker, clock, exclusion)
        self.resealer = Resealer(store, self.checker, exclusion)
        self.history = History(store, self.checker, self._applier, clock)

    def verbs(self, plural: str) -> frozenset[str]:
        """What a kind offers. Raises Refusal for an unknown kind."""
        return frozenset(rules.kind_of(plural).verbs)

    async def get(self, plural: str, object_id: str) -> Shown:
        """One object. Raises KeyNotFound."""
        kind = rules.kind_of(plural)
        self.permits.require("read", plural)
        if not object_id:
            raise invalid(f"missing {kind.singular} id")
        found = await self._store.get(plural, object_id) if not kind.id_error(object_id) else None
        if found is None:
            raise KeyNotFound
        await self.permits.check_read(found)
        return self._shown(found)

    async def list(self, plural: str, query: listing.Query, parent: str = "") -> Listing:
        """Objects of a kind (credentials: of the consumer ``parent``, or of all)."""
        kind = rules.kind_of(plural)
        self.permits.require("read", plural)
        objects, revision = await self._store.list(plural, parent if kind.parent else "")
        page, total = listing.select(kind, await self.permits.shown(objects), query)
        return Listing(tuple(self._shown(item) for item in page), total, revision)

    async def put(
        self, plural: str, object_id: str, value: Any, *, if_mod_revision: int = 0, ttl_s: int = 0
    ) -> Written:
        """Create or replace."""
        return await self._writer.put(plural, object_id, value, if_mod_revision=if_mod_revision, ttl_s=ttl_s)

    async def post(self, plural: str, object_id: str, value: Any, *, ttl_s: int = 0) -> Written:
        """Create under an id the server makes; ``object_id`` must be empty."""
        return await self._writer.post(plural, object_id, value, ttl_s=ttl_s)

    async def patch(
        self, plural: str, object_id: str, change: Any, sub_path: str = "", *, if_mod_revision: int = 0, ttl_s: int = 0
    ) -> Written:
        """Merge a change, or replace what ``sub_path`` names."""
        return await self._writer.patch(
            plural, object_id, change, sub_path, if_mod_revision=if_mod_revision, ttl_s=ttl_s
        )

    async def delete(self, plural: str, object_id: str, *, force: bool = False, if_mod_revision: int = 0) -> Deleted:
        """Delete an object nothing refers to (or any, forced)."""
        return await self._deleter.delete(plural, object_id, force=force, if_mod_revision=if_mod_revision)

    async def apply(
        self, sources: Sequence[Source], *, dry_run: bool = False, prune: bool = False, if_revision: int = 0
    ) -> Applied:
        """A set of documents, all or nothing."""
        return await self._applier.apply(sources, dry_run=dry_run, prune=prune, if_revision=if_revision)

    async def validate(self, sources: Sequence[Source]) -> tuple[Problem, ...]:
        """What ``apply`` would find wrong."""
        return await self._applier.problems(sources)

    async def watch(self, kinds: Sequence[str], from_revision: int = 0) -> AsyncGenerator[Event, None]:
        """Changes from a revision on (0: from now on), for ever; the first event names where it starts."""
        for plural in kinds:
            rules.kind_of(plural)
            self.permits.require("read", plural)
        reach = await self.permits.reach()
        start = from_revision or await self._store.revision() + 1
        yield Event("started", start - 1)
        async with aclosing(self._store.watch(start)) as batches:
            async for batch in batches:
                for event in self._events(batch, kinds, reach):
                    yield event

    def _events(self, batch: WatchBatch, kinds: Sequence[str], reach: Reach | None) -> Iterator[Event]:
        for deleted, kind, object_id, item in self._store.changed(batch):
            if kind not in KINDS or (kinds and kind not in kinds) or not self._may_see(reach, kind, object_id, item):
                continue
            if deleted:
                gone = Shown(kind, object_id, self._store.key(kind, object_id), {}, 0, batch.revision)
                yield Event("delete", batch.revision, gone)
            elif item is not None:
                yield Event("put", item.mod_revision, self._shown(item))

    def _may_see(self, reach: Reach | None, kind: str, object_id: str, item: Stored | None) -> bool:
        """Groups are those of the watch's begin: who is put into another one later is seen by the next watch."""
        if not permit.get().allows("read", kind):
            return False
        return reach is None or reach.shows(kind, object_id, item.value if item is not None else {})

    async def revision(self) -> int:
        """etcd's revision now. Raises Refusal when etcd does not answer."""
        return await self._store.revision()

    async def newest_revision(self) -> int:
        """The revision of the last admin write: what every node should have applied."""
        return await self._store.generation()

    def _shown(self, item: Stored) -> Shown:
        value = self.checker.masked(rules.kind_of(item.kind), item.id, item.value)
        return Shown(item.kind, item.id, item.key, value, item.create_revision, item.mod_revision)
