"""The configuration as raw objects, kept by the supervisor so that a new worker can be given all of it at once."""

from __future__ import annotations

from collections import Counter

from tollhouse.dataplane.config.objects import Batch, RawObject


class ConfigState:
    """What the batches so far amount to."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], RawObject] = {}
        self._last: Batch | None = None

    @property
    def known(self) -> bool:
        """Whether any batch has come: before, there is nothing to serve."""
        return self._last is not None

    @property
    def revision(self) -> int:
        """The revision of the last batch, 0 before the first."""
        return 0 if self._last is None else self._last.revision

    @property
    def source(self) -> str:
        """Where the last batch came from: ``etcd``, ``file``, ``cache``; ``none`` before the first."""
        return "none" if self._last is None else self._last.source

    def apply(self, batch: Batch) -> None:
        """Take a batch over."""
        if batch.full:
            self._objects = {}
        for key in batch.deletes:
            self._objects.pop(key, None)
        for one in batch.puts:
            self._objects[(one.kind, one.id)] = one
        self._last = batch

    def full(self) -> Batch:
        """Everything there is, as one batch."""
        return Batch(self.revision, True, tuple(self._objects.values()), (), self.source)

    def of_kind(self, kind: str) -> list[RawObject]:
        """All objects of a kind, in order of id."""
        return sorted((one for (known, _), one in self._objects.items() if known == kind), key=lambda one: one.id)

    def get(self, kind: str, object_id: str) -> RawObject | None:
        """One object."""
        return self._objects.get((kind, object_id))

    def counts(self) -> dict[str, int]:
        """How many objects of each kind there are."""
        return dict(Counter(kind for kind, _ in self._objects))


def merge_batches(first: Batch, second: Batch) -> Batch:
    """One batch that does what the two do one after the other."""
    if second.full:
        return second
    puts = {(one.kind, one.id): one for one in first.puts}
    deletes = dict.fromkeys(first.deletes)
    for key in second.deletes:
        puts.pop(key, None)
        deletes[key] = None
    again = set(second.deletes)
    for one in second.puts:
        puts[(one.kind, one.id)] = one
        if (one.kind, one.id) not in again:  # deleted and put at once: to be loaded again though it is the same
            deletes.pop((one.kind, one.id), None)
    gone = () if first.full else tuple(deletes)
    return Batch(second.revision, first.full, tuple(puts.values()), gone, second.source)
