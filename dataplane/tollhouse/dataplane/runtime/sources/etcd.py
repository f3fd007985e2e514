"""Configuration from etcd: read the prefix, then follow it; on after any outage, and from disk while etcd is down."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator

from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.node.config_cache import ConfigCache
from tollhouse.dataplane.runtime.sources.object_set import ObjectSet
from tollhouse.proto.etcd import (
    Compacted,
    EtcdClient,
    EtcdError,
    EtcdPermissionDenied,
    EtcdSettings,
    KeyValue,
    Restored,
    Watch,
    WatchBatch,
)
from tollhouse.proto.keys import PLACEHOLDER, split_key
from tollhouse.proto.resources import KINDS

log = logging.getLogger("tollhouse.source.etcd")

CACHE_AFTER_S = 2.0
"""So long a start waits for etcd before it takes the copy on disk."""
_PLACEHOLDER = PLACEHOLDER.encode()
_FIRST_GAP_S, _LONGEST_GAP_S = 0.01, 0.03
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.1, 3.0


class EtcdSource:
    """One node's view of ``prefix``; the node's user needs no right but to read it. ``batches`` is iterated once."""

    def __init__(self, settings: EtcdSettings, prefix: str, cache: ConfigCache | None = None) -> None:
        self._client = EtcdClient(settings)
        self._prefix = prefix
        self._cache = cache
        self._known = ObjectSet("etcd")
        self._loaded = False
        self._news = asyncio.Event()
        self._failed = asyncio.Event()
        self._watch: Watch | None = None
        self._heard_s = time.monotonic()
        self._follower: asyncio.Task[None] | None = None

    @property
    def last_heard_s(self) -> float:
        """Monotonic seconds of etcd's last sign of life; before the first, when the copy on disk was written."""
        return max(self._heard_s, self._watch.last_heard_s if self._watch is not None else 0.0)

    async def batches(self) -> AsyncIterator[Batch]:
        """Full first, changes then. The first change after a calm goes out at once; while more keep coming they are
        gathered, so that a burst of thousands costs a few snapshots."""
        self._follower = asyncio.create_task(self._follow(), name="etcd-source")
        stored = await self._from_disk()
        if stored is not None:
            yield stored
        gap_s, last_s = _FIRST_GAP_S, 0.0
        while True:
            await self._news.wait()
            wait_s = last_s + gap_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                gap_s = min(gap_s * 2, _LONGEST_GAP_S)
            else:
                gap_s = _FIRST_GAP_S
            self._news.clear()
            if self._known.pending:
                batch = self._known.take()
                last_s = time.monotonic()
                yield batch
                if self._cache is not None:
                    self._cache.save_soon(self._known.full)

    async def close(self) -> None:
        """Stop following; the copy on disk is brought up to date."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        if self._watch is not None:
            await self._watch.aclose()
        if self._cache is not None:
            await self._cache.close()
        await self._client.close()

    # -- starting without etcd

    async def _from_disk(self) -> Batch | None:
        """The last good configuration, when etcd does not answer at the start."""
        waiting = [asyncio.create_task(event.wait()) for event in (self._news, self._failed)]
        await asyncio.wait(waiting, timeout=CACHE_AFTER_S, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if self._loaded or self._cache is None:
            return None
        stored = await self._cache.load()
        if stored is None or self._loaded:
            return None
        self._heard_s = time.monotonic() - max(0.0, time.time() - stored.saved_at)
        log.warning("serving the configuration on disk", extra={"revision": stored.batch.revision})
        return stored.batch

    # -- following

    async def _follow(self) -> None:
        delay_s = _FIRST_DELAY_S
        while True:
            try:
                witness = await self._load()
                delay_s = _FIRST_DELAY_S
                self._watch = self._client.watch(self._prefix + "/", self._known.revision + 1, witness=witness)
                async for batch in self._watch:
                    self._absorb(batch)
            except (Compacted, Restored) as lost:
                log.warning("configuration read anew: %s", lost)
            except EtcdError as problem:
                hint = (
                    " (the user needs read access to the prefix)" if isinstance(problem, EtcdPermissionDenied) else ""
                )
                log.warning("no configuration from etcd: %s%s", problem, hint)
                delay_s = await self._pause(delay_s)
            except Exception:
                log.exception("following etcd failed; it is begun anew")
                delay_s = await self._pause(delay_s)

    async def _pause(self, delay_s: float) -> float:
        """Wait about so long (never all nodes at once); returns how long to wait next time."""
        self._failed.set()
        await asyncio.sleep(delay_s * (0.5 + random.random()))
        return min(delay_s * 2, _LONGEST_DELAY_S)

    async def _load(self) -> KeyValue | None:
        """Read everything and hand on what differs. Returns the key by which the watch recognises a foreign history."""
        result = await self._client.get_prefix(self._prefix + "/")
        objects = [one for one in map(self._read, result.kvs) if one is not None]
        differences = self._known.replace(objects, result.revision, first=not self._loaded)
        log.info(
            "configuration read from etcd",
            extra={"revision": result.revision, "objects": len(objects), "differences": differences},
        )
        self._loaded = True
        self._heard_s = time.monotonic()
        self._news.set()
        return max(result.kvs, key=lambda kv: kv.mod_revision, default=None)

    def _absorb(self, batch: WatchBatch) -> None:
        for event in batch.events:
            place = split_key(self._prefix, event.kv.key)
            if event.deleted and place is not None:
                self._known.delete(*place)
            elif not event.deleted:
                one = self._read(event.kv)
                if one is not None:
                    self._known.put(one)
        self._known.revision = batch.revision
        if self._known.pending:
            self._news.set()

    def _read(self, kv: KeyValue) -> RawObject | None:
        """The object of a key; None for placeholders, foreign directories and keys of our own bookkeeping."""
        place = split_key(self._prefix, kv.key)
        if place is None or place[0] not in KINDS or kv.value == _PLACEHOLDER:
            return None
        return RawObject(*place, kv.value, kv.mod_revision, kv.create_revision)
