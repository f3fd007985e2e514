"""Seals everything anew that was sealed with an older key, so that the operator can take that key away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from tollhouse.controlplane.author import purpose
from tollhouse.controlplane.service.checking import Checker
from tollhouse.controlplane.service.exclusion import Exclusion
from tollhouse.controlplane.service.permits import Permits
from tollhouse.controlplane.service.refusal import invalid
from tollhouse.controlplane.store.objects import Commit, Stored, encode_value
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.resources import KINDS

AT_ONCE = 40
"""Objects written in one transaction."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """What was done, or would be."""

    changed: tuple[str, ...]
    """``<kind>/<id>``."""
    unreadable: tuple[str, ...]
    """Objects with a value sealed with a key that is not here."""
    moved: tuple[str, ...]
    """Objects somebody else wrote meanwhile: ask again."""
    revision: int
    """Of the last write, 0 when there was none."""


class Resealer:
    """Shared by all requests."""

    def __init__(self, store: Store, checker: Checker, exclusion: Exclusion) -> None:
        self._store = store
        self._checker = checker
        self._exclusion = exclusion
        self._permits = Permits(store)

    async def run(self, *, dry_run: bool = False) -> Resealed:
        """Raises Refusal without a sealing key. What nodes see of it: objects written anew, their secrets the same."""
        if not self._checker.seals:
            raise invalid("this control plane has no sealing key; set TOLLHOUSE_SEALING_KEY, the new key first")
        view = await self._store.view()
        known = [item for item in view.objects.values() if item.kind in KINDS]
        unreadable = [item for item in known if self._checker.unreadable(item.value)]
        fresh = {(item.kind, item.id): self._checker.resealed(KINDS[item.kind], item.id, item.value) for item in known}
        stale = [item for item in known if fresh[item.kind, item.id] != item.value]
        self._permits.check_plan(view.objects, {(item.kind, item.id): fresh[item.kind, item.id] for item in stale}, ())
        moved: list[Stored] = []
        revision = 0
        token = purpose.set("sealed anew")
        try:
            for group in () if dry_run else _groups(stale):
                async with self._exclusion.turn(alone=False):
                    commit = Commit(
                        puts={item.key: encode_value(fresh[item.kind, item.id]) for item in group},
                        before={item.key: item.value for item in group},
                        unmoved={item.key: item.mod_revision for item in group},
                        lease=group[0].lease,
                    )
                    written = await self._store.commit(commit)
                if written is None:
                    moved += group
                else:
                    revision = written
        finally:
            purpose.reset(token)
        left = {item.key for item in moved}
        changed = tuple(_name(item) for item in stale if item.key not in left)
        return Resealed(changed, tuple(map(_name, unreadable)), tuple(map(_name, moved)), revision)


def _groups(items: list[Stored]) -> Iterator[list[Stored]]:
    """Those under one lease stay under it."""
    for _, same in groupby(sorted(items, key=lambda item: item.lease), key=lambda item: item.lease):
        group = list(same)
        for start in range(0, len(group), AT_ONCE):
            yield group[start : start + AT_ONCE]


def _name(item: Stored) -> str:
    return f"{item.kind}/{item.id}"
