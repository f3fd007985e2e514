"""Reads, commits and watches. The only place of the control plane that speaks to etcd; its errors become refusals."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager

from tollhouse.controlplane.author import author, purpose
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.controlplane.store.batching import nest
from tollhouse.controlplane.store.history import KEPT, Entry, decode_entry, encode_entry
from tollhouse.controlplane.store.objects import Commit, IndexEntry, Stored, View, decode_object
from tollhouse.proto import keys
from tollhouse.proto.etcd import (
    Compacted,
    Compare,
    EtcdClient,
    EtcdError,
    EtcdTooLarge,
    EtcdUnavailable,
    KeyValue,
    Op,
    Restored,
    WatchBatch,
)

_log = logging.getLogger("tollhouse.controlplane.store")

OPS_PER_S = 2000
"""How many operations of a transaction etcd is given a second for, on a busy machine."""

LOOK_S = 4.0
"""How long a transaction whose answer was lost is looked for."""

INDEX_BATCH = 60
"""Conditional puts per transaction: a level of etcd's transactions and what stands below share 128 operations."""


class Store:
    """The configuration in etcd. Lives as long as the process; shared by everything."""

    def __init__(
        self, client: EtcdClient, prefix: str = keys.DEFAULT_PREFIX, fleet_prefix: str = keys.DEFAULT_FLEET_PREFIX
    ) -> None:
        self._client = client
        self.prefix = prefix
        self.fleet_prefix = fleet_prefix
        self._generation_key = keys.generation_key(fleet_prefix)
        self._history = keys.history_directory(fleet_prefix)
        self._written = 0

    # -- keys

    def key(self, kind: str, object_id: str) -> str:
        """Where an object lives; credentials live under their consumer."""
        if kind == "credentials":
            username, _, credential_id = object_id.partition("/")
            return keys.object_key(self.prefix, "consumers", f"{username}/credentials/{credential_id}")
        return keys.object_key(self.prefix, kind, object_id)

    def directory(self, kind: str, parent: str = "") -> str:
        """The prefix of all objects of a kind (credentials: of a consumer)."""
        if kind == "credentials":
            consumers = keys.directory(self.prefix, "consumers")
            return f"{consumers}{parent}/credentials/" if parent else consumers
        return keys.directory(self.prefix, kind)

    # -- reading

    async def get(self, kind: str, object_id: str) -> Stored | None:
        """One object, or None."""
        with _etcd("read"):
            found = await self._client.get(self.key(kind, object_id))
        if found is None:
            return None
        # What is there and is no object can still be replaced and deleted.
        unreadable = Stored(kind, object_id, found.key, {}, found.create_revision, found.mod_revision, found.lease)
        return decode_object(kind, object_id, found) or unreadable

    async def list(self, kind: str, parent: str = "") -> tuple[list[Stored], int]:
        """All objects of a kind (credentials: of a consumer) in key order, and the revision they were read at."""
        with _etcd("read"):
            result = await self._client.get_prefix(self.directory(kind, parent))
        return [item for item in self._decode(result.kvs) if item.kind == kind], result.revision

    async def view(self, *kinds: str) -> View:
        """Everything (of the kinds, when some are given) at one revision, with the generation of that moment."""
        places = sorted({self.directory(kind) for kind in kinds}) or [self.prefix + "/"]
        with _etcd("read"):
            generation = await self._client.get(self._generation_key)  # first: a write after it is noticed by a commit
            ranges = [await self._client.get_prefix(place) for place in places]
        found = (item for part in ranges for item in self._decode(part.kvs))
        wanted = {(item.kind, item.id): item for item in found if not kinds or item.kind in kinds}
        return View(wanted, max(part.revision for part in ranges), generation.mod_revision if generation else 0)

    async def generation(self) -> int:
        """The revision of the last admin write, 0 before the first."""
        with _etcd("read"):
            found = await self._client.get(self._generation_key)
        return found.mod_revision if found else 0

    async def revision(self) -> int:
        """etcd's revision now."""
        with _etcd("read"):
            return (await self._client.get_prefix(self._generation_key)).revision

    def _decode(self, kvs: tuple[KeyValue, ...]) -> Iterator[Stored]:
        for kv in kvs:
            place = keys.split_key(self.prefix, kv.key)
            item = None if place is None else decode_object(*place, kv)
            if item is not None:
                yield item

    # -- writing

    async def next_id(self) -> str:
        """A new object's id: the revision of a write to APISIX's counter key, padded to 20 digits."""
        with _etcd("write"):
            result = await self._client.txn((), (Op.put(keys.gen_id_key(self.prefix), b"1"),))
        return f"{result.revision:020d}"

    async def grant(self, ttl_s: int) -> int:
        """A lease that nobody keeps alive: what is written under it disappears after ``ttl_s``."""
        with _etcd("write"):
            return await self._client.lease_grant(ttl_s)

    async def commit(self, commit: Commit) -> int | None:
        """The revision of the transaction, or None when one of its conditions did not hold. A transaction whose answer
        was lost is looked for, by the stamp it leaves."""
        compares = [Compare.mod(key, "==", revision) for key, revision in commit.unmoved.items()]
        compares += [Compare.exists(key) for key in commit.exist]
        if commit.generation is not None:
            compares.append(Compare.mod(self._generation_key, "==", commit.generation))
        ops = [Op.put(key, value, lease=commit.lease) for key, value in commit.puts.items()]
        ops += [Op.delete(key) for key in commit.deletes]
        ops += [Op.delete(prefix, prefix=True) for prefix in commit.emptied]
        ops += [Op.txn((Compare.value(key, "==", held),), (Op.delete(key),)) for key, held in commit.released.items()]
        entry = None
        if commit.recorded:
            entry = encode_entry(self.prefix, commit.before, commit.puts, time.time(), author.get(), purpose.get())
        if entry is not None:
            ops.append(Op.put(f"{self._history}{time.time_ns():020d}-{secrets.token_hex(4)}", entry))
        try:
            nested = nest(ops)
        except ValueError as error:
            raise invalid(f"{error}; split the document set") from error
        stamp = f"{time.time_ns()}-{secrets.token_hex(8)}".encode()
        bump = Op.put(self._generation_key, stamp)
        patience_s = self._client.settings.timeout_s + len(ops) / OPS_PER_S
        try:
            with _etcd("write"):
                result = await self._client.txn(tuple(compares), (*nested, bump), timeout_s=patience_s)
        except Refusal as refusal:
            if not isinstance(refusal.__cause__, EtcdUnavailable) or not refusal.__cause__.maybe_applied:
                raise
            revision = await self._landed(stamp)
            if revision is None:
                text = f"{refusal.text}; whether it was written is not known: read it back"
                raise Refusal(Fault.UNAVAILABLE, text) from refusal.__cause__
            return revision
        if not result.succeeded:
            return None
        if entry is not None:
            await self._forget_oldest()
        return result.revision

    async def _landed(self, stamp: bytes) -> int | None:
        """The revision of a transaction whose answer was lost; None when it is not to be seen."""
        until = time.monotonic() + LOOK_S
        while time.monotonic() < until:
            try:
                with _etcd("read"):
                    found = await self._client.get(self._generation_key)
            except Refusal:
                found = None
            if found is not None and found.value == stamp:
                return found.mod_revision
            await asyncio.sleep(0.2)
        return None

    # -- the history

    async def history(self) -> tuple[Entry, ...]:
        """What is kept of the writes, the newest first."""
        with _etcd("read"):
            result = await self._client.get_prefix(self._history)
        entries = [entry for kv in result.kvs if (entry := decode_entry(kv)) is not None]
        return tuple(sorted(entries, key=lambda entry: -entry.revision))

    async def _forget_oldest(self) -> None:
        """Now and then; that old entries stay a little longer is no reason to refuse a write."""
        self._written += 1
        if self._written % 32 != 1:
            return
        try:
            with _etcd("write"):
                kept = (await self._client.get_prefix(self._history, keys_only=True)).kvs
                old = [kv.key for kv in kept[: max(0, len(kept) - KEPT)]]
                for start in range(0, len(old), 100):
                    ops = tuple(Op.delete(key) for key in old[start : start + 100])
                    await self._client.txn((), ops)
        except Refusal as error:
            _log.warning("old history not removed: %s", error.text)

    # -- the index of callers' keys

    def identity_key(self, plugin: str, digest: str) -> str:
        """Where the index says who owns a key."""
        return keys.identity_key(self.fleet_prefix, plugin, digest)

    @property
    def index_marker(self) -> str:
        """The key that stands while the index covers every object; it goes when etcd is wiped or restored."""
        return keys.identities_directory(self.fleet_prefix)

    async def index_entry(self, key: str) -> KeyValue | None:
        """One entry of the index, or None."""
        with _etcd("read"):
            return await self._client.get(key)

    async def index(self) -> dict[str, KeyValue]:
        """The whole index by key."""
        with _etcd("read"):
            result = await self._client.get_prefix(self.index_marker)
        return {kv.key: kv for kv in result.kvs if kv.key != self.index_marker}

    async def add_to_index(self, entries: Sequence[IndexEntry]) -> None:
        """Write entries, each on the condition that nobody wrote it or its owner meanwhile; then set the marker."""
        ops = [
            Op.txn(
                (Compare.mod(entry.key, "==", entry.known), Compare.mod(entry.owner, "==", entry.owner_revision)),
                (Op.put(entry.key, entry.held),),
            )
            for entry in entries
        ]
        with _etcd("write"):
            for start in range(0, len(ops), INDEX_BATCH):
                await self._client.txn((), tuple(ops[start : start + INDEX_BATCH]))
            await self._client.txn((), (Op.put(self.index_marker, b"1"),))

    # -- how far the audit trail went

    async def audit_ends(self) -> bytes:
        """What was written down last; empty when nothing was."""
        with _etcd("read"):
            found = await self._client.get(keys.audit_ends_key(self.fleet_prefix))
        return found.value if found is not None else b""

    async def keep_audit_ends(self, value: bytes) -> None:
        """Write it down."""
        with _etcd("write"):
            await self._client.put(keys.audit_ends_key(self.fleet_prefix), value)

    # -- watching

    async def watch(self, from_revision: int) -> AsyncGenerator[WatchBatch, None]:
        """Batches of changes under the prefix from a revision on. Raises Refusal (COMPACTED) when they are gone."""
        async with aclosing(self._follow(self.prefix + "/", from_revision)) as batches:
            async for batch in batches:
                yield batch

    async def watch_kind(self, kind: str, from_revision: int) -> AsyncGenerator[tuple[bool, str, Stored | None], None]:
        """``(deleted, id, object)`` of each change to a kind from a revision on."""
        async with aclosing(self._follow(self.directory(kind), from_revision)) as batches:
            async for batch in batches:
                for deleted, _, object_id, item in self.changed(batch):
                    yield deleted, object_id, item

    def changed(self, batch: WatchBatch) -> Iterator[tuple[bool, str, str, Stored | None]]:
        """``(deleted, kind, id, object)`` of each change that concerns an object."""
        for event in batch.events:
            place = keys.split_key(self.prefix, event.kv.key)
            if place is not None:
                yield event.deleted, *place, None if event.deleted else decode_object(*place, event.kv)

    async def nodes(self) -> tuple[dict[str, bytes], int]:
        """The registrations of the live nodes by key, and the revision they were read at."""
        with _etcd("read"):
            result = await self._client.get_prefix(keys.nodes_directory(self.fleet_prefix))
        return {kv.key: kv.value for kv in result.kvs}, result.revision

    async def watch_nodes(self, from_revision: int) -> AsyncGenerator[WatchBatch, None]:
        """Changes of the registrations from a revision on."""
        async with aclosing(self._follow(keys.nodes_directory(self.fleet_prefix), from_revision)) as batches:
            async for batch in batches:
                yield batch

    async def _follow(self, prefix: str, from_revision: int) -> AsyncGenerator[WatchBatch, None]:
        with _etcd("watch"):
            async with aclosing(self._client.watch(prefix, start_revision=from_revision)) as batches:
                async for batch in batches:
                    yield batch


@contextmanager
def _etcd(doing: str) -> Iterator[None]:
    """etcd's errors as refusals."""
    try:
        yield
    except Compacted as error:
        raise Refusal(Fault.COMPACTED, str(error)) from error
    except Restored as error:
        raise Refusal(Fault.COMPACTED, str(error)) from error
    except EtcdTooLarge as error:
        raise invalid(f"{error}; split the write into smaller ones") from error
    except EtcdError as error:
        _log.warning("etcd %s failed: %s", doing, error)
        raise Refusal(Fault.UNAVAILABLE, f"etcd: {error}") from error
