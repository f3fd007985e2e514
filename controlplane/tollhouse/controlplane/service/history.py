"""Every write that is kept, what it changed, and the way back to how everything was before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.controlplane.author import Author, purpose
from tollhouse.controlplane.service import rules
from tollhouse.controlplane.service.applying import Applier
from tollhouse.controlplane.service.checking import Checker
from tollhouse.controlplane.service.objects import Action, Applied, Change
from tollhouse.controlplane.service.permits import Permits
from tollhouse.controlplane.service.planning import Place, Plan, Planner
from tollhouse.controlplane.service.reading import DocumentSet
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.controlplane.store.history import KEPT, Entry, digest
from tollhouse.controlplane.store.objects import View, encode_value
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.documents import DocumentObject

MANY = 20
"""Objects of a write, from which on what is stored is read at once and not one by one."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write, as it may be shown."""

    revision: int
    at: float
    author: Author
    purpose: str
    changes: tuple[Change, ...]
    """Without the objects themselves in a listing."""


class History:
    """Reads and takes back writes. Shared by all requests."""

    def __init__(self, store: Store, checker: Checker, applier: Applier, clock: Callable[[], float]) -> None:
        self._store = store
        self._permits = Permits(store)
        self._checker = checker
        self._applier = applier
        self._clock = clock

    async def list(self, limit: int = 50, before: int = 0, kind: str = "", object_id: str = "") -> tuple[Write, ...]:
        """The newest first: those older than revision ``before``, and those that touched an object or kind."""
        self._check()
        found = []
        for entry in await self._store.history():
            touched = [one for one in entry.changes if kind in ("", one.kind) and object_id in ("", one.id)]
            if touched and (not before or entry.revision < before):
                changes = tuple(Change(_action(one.action), one.kind, one.id) for one in entry.changes)
                found.append(Write(entry.revision, entry.at, entry.author, entry.purpose, changes))
            if len(found) >= limit:
                break
        return tuple(found)

    def _check(self) -> None:
        self._permits.require("read", "history")
        self._permits.require_unnarrowed("the history")

    async def show(self, revision: int) -> Write:
        """One write with its objects before and after, secrets masked. Raises Refusal."""
        self._check()
        entries = await self._store.history()
        entry = next((one for one in entries if one.revision == revision), None)
        if entry is None:
            raise _unknown(revision, entries)
        changes = []
        left = await self._left(entries, entry)
        for one in entry.changes:
            after = _after(left.get((one.kind, one.id)), one.digest) if one.digest else None
            shown = self._masked(one.kind, one.id, one.before), self._masked(one.kind, one.id, after)
            changes.append(Change(_action(one.action), one.kind, one.id, *shown))
        return Write(entry.revision, entry.at, entry.author, entry.purpose, tuple(changes))

    async def _left(self, entries: tuple[Entry, ...], entry: Entry) -> dict[Place, dict[str, Any] | None]:
        """The objects as the write left them: what the next ones found, or what is stored."""
        left: dict[Place, dict[str, Any] | None] = {}
        for newer in entries:  # the newest first, so that the one right after the write has the last word
            if newer.revision <= entry.revision:
                break
            left.update({(one.kind, one.id): one.before for one in newer.changes})
        missing = [(one.kind, one.id) for one in entry.changes if one.digest and (one.kind, one.id) not in left]
        if len(missing) > MANY:  # one look at everything is cheaper than one for each
            view = await self._store.view(*{kind for kind, _ in missing})
            found = {place: view.objects.get(place) for place in missing}
        else:
            found = {place: await self._store.get(*place) for place in missing}
        return left | {place: item.value if item is not None else None for place, item in found.items()}

    async def rollback(self, revision: int, *, dry_run: bool = False, if_revision: int = 0) -> Applied:
        """Make everything as it was right after ``revision``, as a new revision, checked like any other write."""
        entries = await self._store.history()
        if not entries or not entries[-1].revision <= revision <= entries[0].revision:
            raise _unknown(revision, entries)
        wanted: dict[Place, dict[str, Any] | None] = {}
        for entry in entries:  # newest first: the oldest write after the revision has the last word
            if entry.revision > revision:
                made = (one for one in entry.changes if rules.kind_of(one.kind).in_documents)
                wanted.update({(one.kind, one.id): one.before for one in made})

        def planned(view: View) -> Plan:
            return self._plan(view, wanted)

        token = purpose.set(f"rollback to revision {revision}")
        try:
            return await self._applier.write(planned, dry_run=dry_run, if_revision=if_revision)
        finally:
            purpose.reset(token)

    def _plan(self, view: View, wanted: Mapping[Place, dict[str, Any] | None]) -> Plan:
        objects = [DocumentObject(*place, dict(value)) for place, value in wanted.items() if value is not None]
        gone = [place for place, value in wanted.items() if value is None and place in view.objects]
        documents = DocumentSet(tuple(objects), frozenset(one.kind for one in objects), ())
        return Planner(documents, view, self._checker, int(self._clock())).run(prune=False, gone=gone)

    def _masked(self, kind: str, object_id: str, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if value is None else self._checker.masked(rules.kind_of(kind), object_id, value)


def _after(found: dict[str, Any] | None, wanted: str) -> dict[str, Any]:
    same = found is not None and digest(encode_value(found)) == wanted
    return (
        found if found is not None and same else {"note": "it was changed since by something else than the Admin API"}
    )


def _action(text: str) -> Action:
    return "create" if text == "create" else "delete" if text == "delete" else "update"


def _unknown(revision: int, entries: tuple[Entry, ...]) -> Refusal:
    kept = f"from {entries[-1].revision} to {entries[0].revision}" if entries else "there is none"
    return Refusal(
        Fault.NOT_FOUND,
        f"revision {revision} is no write of the Admin API that is kept (the last {KEPT} are: {kept}); "
        "GET /apisix/admin/history lists them",
    )
