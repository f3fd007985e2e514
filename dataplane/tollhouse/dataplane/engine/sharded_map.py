"""A mapping that is never changed but cheap to make a changed copy of: hundreds of thousands of entries in small dicts,
of which a copy shares all that a change does not touch.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SHARDS = 512
"""A power of two. At 100,000 entries a change copies two hundred."""


class ShardedMap(Mapping[K, V]):
    """Immutable; shared by snapshots. Made empty, or by a ``Draft``."""

    __slots__ = ("_shards", "_size")

    def __init__(self, shards: list[dict[K, V]] | None = None, size: int = 0) -> None:
        self._shards: list[dict[K, V]] = shards if shards is not None else [{}] * SHARDS
        self._size = size

    def __getitem__(self, key: K) -> V:
        return self._shards[hash(key) & (SHARDS - 1)][key]

    def get(self, key: K, default: Any = None) -> Any:
        """As a dict's; Mapping's own takes three times as long."""
        return self._shards[hash(key) & (SHARDS - 1)].get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._shards[hash(key) & (SHARDS - 1)]

    def __iter__(self) -> Iterator[K]:
        for shard in self._shards:
            yield from shard

    def __len__(self) -> int:
        return self._size

    def draft(self) -> Draft[K, V]:
        """A copy to be changed; this one stays as it is."""
        return Draft(self._shards, self._size)


class Draft(Generic[K, V]):
    """A map in the making. Belongs to whoever makes it, until ``done``."""

    __slots__ = ("_own", "_shards", "_size")

    def __init__(self, shards: list[dict[K, V]], size: int) -> None:
        self._shards = list(shards)
        self._own = bytearray(SHARDS)
        """Which shards have been copied."""
        self._size = size

    def set(self, key: K, value: V) -> None:
        """Put in or replace."""
        shard = self._writable(key)
        self._size += key not in shard
        shard[key] = value

    def remove(self, key: K) -> None:
        """Take out; nothing happens when it is absent."""
        shard = self._writable(key)
        if key in shard:
            del shard[key]
            self._size -= 1

    def done(self) -> ShardedMap[K, V]:
        """The map; the draft must not be used any more."""
        return ShardedMap(self._shards, self._size)

    def _writable(self, key: K) -> dict[K, V]:
        place = hash(key) & (SHARDS - 1)
        if not self._own[place]:
            self._own[place] = 1
            self._shards[place] = dict(self._shards[place])
        return self._shards[place]
