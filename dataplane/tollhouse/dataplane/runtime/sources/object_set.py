"""What a source knows of the configuration, and the batch that brings others from what they know to it."""

from __future__ import annotations

from collections.abc import Iterable

from tollhouse.dataplane.config.objects import Batch, RawObject

Place = tuple[str, str]


class ObjectSet:
    """All objects of a source with the changes not handed on yet. An object that did not change stays the same Python
    object, so that what was compiled from it can stay too."""

    def __init__(self, source: str) -> None:
        self.revision = 0
        self._source = source
        self._objects: dict[Place, RawObject] = {}
        self._changed: dict[Place, RawObject | None] = {}
        """What is new since the last ``take``; None is a deletion."""
        self._whole = False
        self._moved = False

    @property
    def pending(self) -> bool:
        """Whether there is anything to ``take``."""
        return self._whole or self._moved or bool(self._changed)

    def put(self, one: RawObject) -> None:
        """An object was written."""
        place = (one.kind, one.id)
        self._objects[place] = one
        self._changed[place] = one

    def delete(self, kind: str, object_id: str) -> None:
        """An object is gone; nothing happens when it was not known."""
        if self._objects.pop((kind, object_id), None) is not None:
            self._changed[(kind, object_id)] = None

    def replace(self, objects: Iterable[RawObject], revision: int, *, first: bool = False) -> int:
        """These are all objects there are. Returns how many differ from before; when none does only the revision moves
        (``first``, or when it went back: everything is handed on all the same)."""
        fresh: dict[Place, RawObject] = {}
        differences = 0
        for one in objects:
            place = (one.kind, one.id)
            known = self._objects.get(place)
            # By value too: a restored etcd may give out the same revision again for something else.
            same = known is not None and known == one
            differences += not same
            fresh[place] = known if same and known is not None else one
        differences += len(self._objects.keys() - fresh.keys())
        went_back = revision < self.revision
        self._objects = fresh
        self.revision = revision
        self._changed = {}
        if differences or first or went_back or self._whole:
            self._whole = True
        else:
            self._moved = True
        return differences

    def take(self) -> Batch:
        """What changed since the last time, as one batch."""
        if self._whole:
            batch = self.full()
        else:
            puts = tuple(one for one in self._changed.values() if one is not None)
            deletes = tuple(place for place, one in self._changed.items() if one is None)
            batch = Batch(self.revision, False, puts, deletes, self._source)
        self._changed = {}
        self._whole = self._moved = False
        return batch

    def full(self) -> Batch:
        """Everything there is, as one batch."""
        return Batch(self.revision, True, tuple(self._objects.values()), (), self._source)
