"""What applying a document set means, decided without writing: changes, and everything that is wrong with them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tollhouse.controlplane.service import rules
from tollhouse.controlplane.service.checking import Checker
from tollhouse.controlplane.service.objects import Action, Change
from tollhouse.controlplane.service.reading import DocumentSet
from tollhouse.controlplane.service.referring import references_of
from tollhouse.controlplane.store.objects import Stored, View
from tollhouse.proto import check
from tollhouse.proto.documents import DocumentObject, locate_problems
from tollhouse.proto.problems import Problem
from tollhouse.proto.resources import KINDS
from tollhouse.proto.shadowing import shadowed_routes

Place = tuple[str, str]


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

    def run(self, prune: bool, gone: Iterable[Place] = ()) -> Plan:
        """The whole plan, with all problems at once. ``gone``: objects to delete, named one by one."""
        for item in self._documents.objects:
            self._take(item)
        for place in gone:
            self._remove(self._view.objects[place])
        if prune:
            self._prune()
        self._check_together()
        self._check_pruned()
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
            self._remove(stored)

    def _remove(self, stored: Stored) -> None:
        place = (stored.kind, stored.id)
        del self._after[place]
        self.plan.deletes.append(place)
        self.plan.changes.append(Change("delete", *place, self._masked(stored)))

    def _check_together(self) -> None:
        problems = check.check_references(self._after, self._items.keys())
        problems += check.check_model_names(self._after, self._items.keys())
        problems += check.check_unique(self._after, self.plan.puts.keys())
        problems += self._shadowed()
        self.plan.problems += locate_problems(problems, self._items.values())

    def _shadowed(self) -> list[Problem]:
        routes = {object_id: value for (kind, object_id), value in self._after.items() if kind == "routes"}
        services = {object_id: value for (kind, object_id), value in self._after.items() if kind == "services"}
        stored = self._view.of_kind("routes")
        concerned = {object_id for kind, object_id in self._items if kind == "routes"}
        return shadowed_routes(routes, services, {item.id: item.create_revision for item in stored}, concerned)

    def _check_pruned(self) -> None:
        gone = set(self.plan.deletes)
        for (kind, object_id), value in self._after.items() if gone else ():
            for place in gone.intersection(references_of(kind, value)):
                what = f"can not be pruned: {kind}/{object_id} still refers to it"
                self.plan.problems.append(Problem("/".join(place), what, "change that one as well"))
        if any(change.kind == "models" and change.action != "unchanged" for change in self.plan.changes):
            # A model that goes, or loses an alias, may be named by what the documents do not mention.
            self.plan.problems += check.check_model_names(self._after, self._after.keys() - self._items.keys())

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


def _same(new: dict[str, Any], old: dict[str, Any]) -> bool:
    def core(value: dict[str, Any]) -> dict[str, Any]:
        return {name: part for name, part in value.items() if name not in rules.SERVER_SET}

    return core(new) == core(old)
