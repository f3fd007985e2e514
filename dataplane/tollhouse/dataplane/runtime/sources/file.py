"""Configuration from files, without etcd: read at the start, read again when they change (APISIX's standalone mode)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.sources.file_objects import Content, read_objects
from tollhouse.dataplane.runtime.sources.object_set import ObjectSet

log = logging.getLogger("tollhouse.source.file")

SUFFIXES = (".yaml", ".yml", ".json")
_POLL_S = 1.0
_SETTLE_S = 0.1

Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of last change and size of each file."""


class FileSource:
    """Files and folders (their YAML and JSON files at any depth) as one configuration. A change that cannot be read
    leaves the last good configuration standing; at the start it is a ValueError. ``batches`` is iterated once."""

    def __init__(
        self,
        paths: Sequence[Path],
        poll_s: float = _POLL_S,
        read: Callable[[Sequence[Content]], list[RawObject]] = read_objects,
    ) -> None:
        self._paths = tuple(paths)
        self._poll_s = poll_s
        self._read = read
        self._known = ObjectSet("file")
        self._values: dict[tuple[str, str], RawObject] = {}
        self._heard_s = time.monotonic()
        self._closed = asyncio.Event()

    @property
    def last_heard_s(self) -> float:
        """Monotonic seconds when the files last could be looked at."""
        return self._heard_s

    async def batches(self) -> AsyncIterator[Batch]:
        """All objects first, changes then. Raises ValueError when the files cannot be read at the start."""
        stamp = await asyncio.to_thread(self._stamp)
        await self._load(stamp)
        yield self._known.take()
        while not await self._wait(self._poll_s):
            fresh = await self._settled(stamp)
            if fresh == stamp:
                continue
            stamp = fresh
            try:
                await self._load(stamp)
            except ValueError as error:
                log.error("configuration kept as it was: %s", error)
                continue
            except Exception:
                log.exception("configuration kept as it was")
                continue
            if self._known.pending:
                yield self._known.take()

    async def close(self) -> None:
        """Stop looking at the files."""
        self._closed.set()

    async def _wait(self, seconds: float) -> bool:
        """Whether the source was closed meanwhile."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _settled(self, before: Stamp) -> Stamp:
        """What the files look like now; while somebody is still writing, wait until they stay the same."""
        last = before
        while True:
            try:
                now = await asyncio.to_thread(self._stamp)
            except ValueError as error:
                log.error("configuration kept as it was: %s", error)
                return before
            self._heard_s = time.monotonic()
            if now in (before, last) or await self._wait(_SETTLE_S):
                return now
            last = now

    def _stamp(self) -> Stamp:
        files = []
        try:
            for path in self._files():
                about = path.stat()
                files.append((str(path), about.st_mtime_ns, about.st_size))
        except OSError as error:
            raise ValueError(f"{error.filename}: {error.strerror}") from None
        if not files:
            raise ValueError(f"there is no YAML or JSON file in {', '.join(map(str, self._paths))}")
        return tuple(files)

    def _files(self) -> list[Path]:
        found: list[Path] = []
        for path in self._paths:
            if path.is_dir():
                found += sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
            else:
                found.append(path)
        return found

    async def _load(self, stamp: Stamp) -> None:
        objects = await asyncio.to_thread(self._objects, stamp)
        # Like etcd's: never lower than before, also over a restart, and moved only by a change.
        revision = max(self._known.revision + 1, max(changed for _, changed, _ in stamp) // 1_000_000_000)
        first = not self._known.revision
        values: dict[tuple[str, str], RawObject] = {}
        for one in objects:
            known = self._values.get((one.kind, one.id))
            if known is None or known.value != one.value:
                known = msgspec.structs.replace(
                    one, mod_revision=revision, create_revision=known.create_revision if known else revision
                )
            values[(one.kind, one.id)] = known
        if first or values != self._values:
            self._values = values
            self._known.replace(values.values(), revision, first=first)
            log.info("configuration read from files", extra={"revision": revision, "objects": len(values)})

    def _objects(self, stamp: Stamp) -> list[RawObject]:
        contents = []
        for name, _, _ in stamp:
            try:
                contents.append(Content(name, Path(name).read_bytes()))
            except OSError as error:
                raise ValueError(f"{name}: {error.strerror}") from None
        return self._read(contents)
