"""Which objects an identity may see and touch: by kind and verb, and by the consumer groups it is narrowed to.

What belongs to a group: the group itself and those below it, their consumers, these consumers' credentials, and the
budgets, stops and approvals that name them. Everything else belongs to nobody: an identity that is narrowed to groups
may read it (routes, models), and write none of it. Nor does it write plugins but those by which callers are recognised:
they would stand before the routes' own, and could lift what the route asks of everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tollhouse.controlplane.author import permit
from tollhouse.controlplane.permissions import Verb
from tollhouse.controlplane.service.refusal import Fault, KeyNotFound, Refusal
from tollhouse.controlplane.store.objects import Stored
from tollhouse.controlplane.store.store import Store
from tollhouse.dataplane import registry

Place = tuple[str, str]
Values = Mapping[Place, Mapping[str, Any]]

OF_GROUPS = frozenset({"consumers", "credentials", "consumer_groups", "budgets", "stops", "approvals"})
"""Kinds whose objects may belong to a group; who is narrowed to groups writes no others."""
_HIDDEN = frozenset({"admins", "notifiers"})
"""Kinds that are nothing to an identity narrowed to groups, though they belong to none."""


class Reach:
    """The groups an identity is narrowed to, and what of the stored objects belongs to them."""

    def __init__(self, groups: Iterable[str], values: Values) -> None:
        self._values = values
        self._parents = {
            object_id: str(value.get("parent_id") or "")
            for (kind, object_id), value in values.items()
            if kind == "consumer_groups"
        }
        self._wanted = frozenset(groups)

    def holds(self, kind: str, object_id: str, value: Mapping[str, Any]) -> bool:
        """Whether the object belongs to the groups."""
        if kind == "consumer_groups":
            return self._group(object_id) or self._group(value.get("parent_id"))
        if kind == "consumers":
            return self._group(value.get("group_id"))
        if kind == "credentials":
            return self._consumer(object_id.partition("/")[0])
        if kind == "budgets":
            scope = value.get("scope") or {}
            return self._group(scope.get("consumer_group")) or self._consumer(scope.get("consumer"))
        if kind == "stops":
            return self._group(value.get("consumer_group")) or self._consumer(value.get("consumer"))
        if kind == "approvals":
            context = value.get("context") or {}
            return any(map(self._group, context.get("groups") or ()))
        return False

    def shows(self, kind: str, object_id: str, value: Mapping[str, Any]) -> bool:
        """Whether it may be looked at."""
        return kind not in _HIDDEN and (kind not in OF_GROUPS or self.holds(kind, object_id, value))

    def require_same_plugins(
        self, kind: str, object_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
    ) -> None:
        """Raises Refusal for plugins of a consumer or group that are new, changed or gone; a new group has those of the
        group above it."""
        if kind not in ("consumers", "consumer_groups"):
            return
        if before is None and kind == "consumer_groups":
            before = self._values.get((kind, str(after.get("parent_id") or "")))
        if _plugins(before) != _plugins(after):
            new = " (a new group has those of the group above it)" if kind == "consumer_groups" else ""
            told = "an identity narrowed to consumer groups writes no plugins but those by which callers are recognised"
            raise Refusal(Fault.DENIED, f"{kind}/{object_id}: {told}; leave the others as they are{new}")

    def _consumer(self, name: Any) -> bool:
        found = self._values.get(("consumers", str(name)))
        return found is not None and self._group(found.get("group_id"))

    def _group(self, group: Any) -> bool:
        seen: set[str] = set()
        name = str(group or "")
        while name and name not in seen:
            if name in self._wanted:
                return True
            seen.add(name)
            name = self._parents.get(name, "")
        return False


def _plugins(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """The plugins of an object by which nobody is recognised."""
    found = (value or {}).get("plugins")
    if not isinstance(found, Mapping):
        return {}
    return {name: config for name, config in found.items() if not registry.is_auth_plugin(name)}


class Permits:
    """Asked by everything that reads or writes objects. Shared by all requests; who asks is told by the context."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def require(self, verb: Verb, area: str) -> None:
        """Raises Refusal."""
        permit.get().require(verb, area)

    def require_unnarrowed(self, area: str) -> None:
        """Raises Refusal for an identity narrowed to groups: what it asks for tells of all of them."""
        if permit.get().groups:
            raise Refusal(Fault.DENIED, f"{area} tells of every consumer group; this identity is narrowed to some")

    async def reach(self) -> Reach | None:
        """What may be seen; None: everything the role may."""
        groups = permit.get().groups
        if not groups:
            return None
        view = await self._store.view("consumers", "consumer_groups")
        return Reach(groups, {place: item.value for place, item in view.objects.items()})

    async def check_read(self, item: Stored) -> None:
        """Raises KeyNotFound for what is not this identity's to see: that it exists is none of its business."""
        reach = await self.reach()
        if reach is not None and not reach.shows(item.kind, item.id, item.value):
            raise KeyNotFound

    async def shown(self, items: list[Stored]) -> list[Stored]:
        """Those that may be seen."""
        reach = await self.reach()
        return items if reach is None else [one for one in items if reach.shows(one.kind, one.id, one.value)]

    async def check_write(
        self, verb: Verb, kind: str, object_id: str, before: Stored | None, after: Mapping[str, Any] | None
    ) -> None:
        """Raises Refusal when the object, as it was or as it shall be, is beyond the identity."""
        self.require(verb, kind)
        reach = await self.reach()
        if reach is not None:
            _check(reach, kind, object_id, before.value if before else None, after)
            if after is not None:
                reach.require_same_plugins(kind, object_id, before.value if before else None, after)

    def check_plan(
        self, stored: Mapping[Place, Stored], puts: Mapping[Place, dict[str, Any]], deletes: Iterable[Place]
    ) -> None:
        """As ``check_write``, for a set of writes planned against everything stored."""
        changes: list[tuple[Verb, Place, dict[str, Any] | None]] = [("write", place, puts[place]) for place in puts]
        changes += [("delete", place, None) for place in deletes]
        for verb, place, _ in changes:
            self.require(verb, place[0])
        groups = permit.get().groups
        if not groups:
            return
        before: dict[Place, Mapping[str, Any]] = {place: item.value for place, item in stored.items()}
        was, becomes = Reach(groups, before), Reach(groups, {**before, **puts})
        for _, place, value in changes:
            if place in before:
                _check(was, *place, before[place], None)
            if value is not None:
                _check(becomes, *place, None, value)
                becomes.require_same_plugins(*place, before.get(place), value)


def _check(
    reach: Reach, kind: str, object_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> None:
    for value in (before, after):
        if value is not None and not reach.holds(kind, object_id, value):
            text = f"{kind}/{object_id} does not belong to the consumer groups this identity is narrowed to"
            raise Refusal(Fault.DENIED, text)
