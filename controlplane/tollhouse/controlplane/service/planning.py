"""What applying a document set means, decided without writing: changes, and everything that is wrong with them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tollhouse.controlplane.service import rules
from tollhouse.controlplane.service.checking import Checker, identities
from tollhouse.controlplane.service.objects import Action, Change
from tollhouse.controlplane.service.reading import DocumentSet
from tollhouse.controlplane.service.referring import refers
from tollhouse.controlplane.store.objects import Stored, View
from tollhouse.proto.documents import DocumentObject
from tollhouse.proto.problems import Problem
from tollhouse.proto.resources import KINDS

Place = tuple[str, str]

NO_SUCH = "there is no"
"""How a reference to nothing begins."""


@dataclass(slots=True)
class Plan:
    """What would be written. Nothing of it may be, when there are errors among the problems."""

    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    puts: dict[Place, dict[str, Any]] = field(default_factory=dict)
    deletes: list[Place] = field(default_factory=list)


class Planner:
    """Plans one document set against one view of what is stored."""

    def __init__(self, documents: DocumentSet, view: View, checker: Checker, now: int) -> None:
        self._documents = documents
        self._view = view
        self._checker = checker
        self._now = now
        self._after: dict[Place, dict[str, Any]] = {place: item.value for place, item in view.objects.items()}
        self._items: dict[Place, DocumentObject] = {}
        self.plan = Plan(problems=list(documents.problems))

    def run(self, prune: bool) -> Plan:
        """The whole plan, with all problems at once."""
        for item in self._documents.objects:
            self._take(item)
        if prune:
            self._prune()
        self._check_references()
        self._check_uniqueness()
        return self.plan

    def _take(self, item: DocumentObject) -> None:
        kind, place = KINDS[item.kind], (item.kind, item.id)
        self._items[place] = item
        before = self._view.objects.get(place)
        value = copy.deepcopy(item.value)
        for server_set in rules.SERVER_SET:  # a dump has them; they are ours to set
            value.pop(server_set, None)
        value[rules.id_field(kind)] = rules.stored_id(kind, item.id)
        prepared = self._checker.prepare(kind, item.id, value, before)
        self.plan.problems += [item.locate(problem) for problem in prepared.problems]
        shown = self._checker.masked(kind, item.id, prepared.value)
        if before is not None and _same(prepared.value, before.value):
            self._after[place] = before.value
            self.plan.changes.append(Change("unchanged", *place, self._masked(before), shown))
            return
        rules.stamp(kind, prepared.value, before.value if before else None, self._now)
        self._after[place] = prepared.value
        self.plan.puts[place] = prepared.value
        action: Action = "update" if before else "create"
        shown = self._checker.masked(kind, item.id, prepared.value)
        self.plan.changes.append(Change(action, *place, self._masked(before) if before else None, shown))

    def _prune(self) -> None:
        for place, stored in self._view.objects.items():
            kind, object_id = place
            orphaned = kind == "credentials" and ("consumers", object_id.partition("/")[0]) in self.plan.deletes
            if place in self._items or not (kind in self._documents.kinds or orphaned):
                continue
            del self._after[place]
            self.plan.deletes.append(place)
            self.plan.changes.append(Change("delete", *place, self._masked(stored)))

    def _check_references(self) -> None:
        for place, item in self._items.items():
            value = self._after[place]
            for found in KINDS[item.kind].referenced(value):
                if (found.kind, found.id) not in self._after:
                    noun = KINDS[found.kind].singular
                    hint = f"add it under {found.kind}, or correct the id"
                    self._blame(item, found.path, f"{NO_SUCH} {noun} {found.id!r}", hint)
            parent = KINDS[item.kind].parent
            if parent and (parent, item.id.partition("/")[0]) not in self._after:
                self._blame(item, "", f"{NO_SUCH} consumer {item.id.partition('/')[0]!r}", f"add it under {parent}")
        for gone in self.plan.deletes:
            for (kind, object_id), value in self._after.items():
                if refers(_as_stored(kind, object_id, value), *gone):
                    what = f"can not be pruned: {kind}/{object_id} still refers to it"
                    self.plan.problems.append(Problem("/".join(gone), what, "change that one as well"))

    def _check_uniqueness(self) -> None:
        taken: dict[tuple[str, str], Place] = {}
        for place, value in self._after.items():
            for identity in _unique(place[0], value):
                other = taken.setdefault(identity, place)
                if other == place:
                    continue
                for mine, theirs in ((place, other), (other, place)):
                    if mine in self.plan.puts:
                        self._blame(self._items[mine], "", _clash(identity[0], theirs), "each may stand only once")
                        break

    def _blame(self, item: DocumentObject, path: str, what: str, hint: str) -> None:
        where = f"{item.where}.{path}" if path else item.where
        self.plan.problems.append(item.locate(Problem(where, what, hint)))

    def _masked(self, stored: Stored) -> dict[str, Any]:
        return self._checker.masked(KINDS[stored.kind], stored.id, stored.value)


def known_only(view: View) -> View:
    """The view without objects of kinds we do not know: others may keep theirs under the same prefix."""
    kept = {place: item for place, item in view.objects.items() if place[0] in KINDS}
    return View(kept, view.revision, view.generation)


def changes_in_order(changes: Iterable[Change]) -> list[Change]:
    """Creations and updates as the documents have them, then deletions, then what stays."""
    rank = {"create": 0, "update": 0, "delete": 1, "unchanged": 2}
    return sorted(changes, key=lambda change: rank[change.action])


def _unique(kind: str, value: dict[str, Any]) -> Sequence[tuple[str, str]]:
    if kind in ("consumers", "credentials"):
        return list(identities(value))
    if kind == "global_rules":
        return [("global rule", name) for name in value.get("plugins") or {}]
    return ()


def _clash(what: str, other: Place) -> str:
    if what == "global rule":
        return f"a plugin of this rule already exists in global rule with id '{other[1]}'"
    return f"duplicate key of plugin {what} found with consumer: {other[1].partition('/')[0]}"


def _same(new: dict[str, Any], old: dict[str, Any]) -> bool:
    def core(value: dict[str, Any]) -> dict[str, Any]:
        return {name: part for name, part in value.items() if name not in rules.SERVER_SET}

    return core(new) == core(old)


def _as_stored(kind: str, object_id: str, value: dict[str, Any]) -> Stored:
    return Stored(kind, object_id, "", value, 0, 0)
