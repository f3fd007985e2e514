"""Put, post and patch of one object: checked, sealed, and committed in one etcd transaction.

Every loop below is the same game: read, decide, commit on the condition that what was read still stands, begin again
when it does not. Losing every time is a refusal, not a wrong write.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tollhouse.controlplane.service import merge, rules
from tollhouse.controlplane.service.checking import Checker, check_rivals, refuse_errors
from tollhouse.controlplane.service.decoding import MISSING
from tollhouse.controlplane.service.exclusion import Exclusion
from tollhouse.controlplane.service.identities import Claim, Identities
from tollhouse.controlplane.service.objects import Shown, Written
from tollhouse.controlplane.service.permits import Permits
from tollhouse.controlplane.service.preconditions import ONLY_IF_NEW, check_precondition
from tollhouse.controlplane.service.referring import missing_text
from tollhouse.controlplane.service.refusal import Fault, KeyNotFound, Refusal, invalid
from tollhouse.controlplane.service.turns import lost_race, turns
from tollhouse.controlplane.store.objects import Commit, Stored, encode_value
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.check import IDENTIFIED, check_model_names
from tollhouse.proto.model_names import named_models, names_of
from tollhouse.proto.resources import Kind
from tollhouse.proto.validation import json_type

RIVALS = {
    "global_rules": ("global_rules",),
    "models": ("models",),
}
"""Kinds whose objects may not have something in common: a plugin, a name. (Callers' keys have an index.)"""


class Writer:
    """Writes objects. Shared by all requests."""

    def __init__(
        self,
        store: Store,
        checker: Checker,
        clock: Callable[[], float],
        exclusion: Exclusion,
        identities: Identities,
    ) -> None:
        self._store = store
        self._identities = identities
        self._permits = Permits(store)
        self._exclusion = exclusion
        self._checker = checker
        self._clock = clock

    async def put(self, plural: str, path_id: str, value: Any, *, if_mod_revision: int = 0, ttl_s: int = 0) -> Written:
        """Create or replace. Raises Refusal."""
        kind = rules.kind_of(plural)
        rules.check_verb(kind, "PUT")
        self._permits.require("write", plural)
        given = _given(value)
        object_id = rules.settle_id(kind, path_id, given)
        rules.check_server_set(given)

        def change(before: Stored | None) -> dict[str, Any]:
            fresh = copy.deepcopy(given)
            rules.stamp(kind, fresh, before.value if before else None, int(self._clock()))
            return fresh

        return await self._write(kind, object_id, change, if_mod_revision, ttl_s)

    async def post(self, plural: str, path_id: str, value: Any, *, ttl_s: int = 0) -> Written:
        """Create under an id the server makes. Raises Refusal."""
        kind = rules.kind_of(plural)
        rules.check_verb(kind, "POST")
        self._permits.require("write", plural)
        given = _given(value)
        rules.check_new(kind, path_id, given)
        rules.check_server_set(given)
        # Checked before an id is taken, so that a refused POST writes nothing.
        refuse_errors(self._checker.prepare(kind, "1", copy.deepcopy(given), None).problems, f"{plural}/1")
        object_id = await self._store.next_id()

        def change(before: Stored | None) -> dict[str, Any]:
            fresh = {**copy.deepcopy(given), "id": object_id}
            rules.stamp(kind, fresh, None, int(self._clock()))
            return fresh

        return await self._write(kind, object_id, change, ONLY_IF_NEW, ttl_s)

    async def patch(
        self, plural: str, object_id: str, change: Any, sub_path: str = "", *, if_mod_revision: int = 0, ttl_s: int = 0
    ) -> Written:
        """Merge a change into an object, or replace what ``sub_path`` names. Raises Refusal."""
        kind = rules.kind_of(plural)
        rules.check_verb(kind, "PATCH")
        self._permits.require("write", plural)
        if not object_id:
            raise invalid(f"missing {kind.singular} id")
        if change is MISSING:
            raise invalid("missing new configuration")
        if not sub_path.strip("/") and not isinstance(change, dict):
            raise invalid("invalid configuration")

        def patched(before: Stored | None) -> dict[str, Any]:
            if before is None:
                raise KeyNotFound
            old = copy.deepcopy(before.value)
            if sub_path.strip("/"):
                fresh = merge.replace(old, sub_path, change)
            else:
                fresh = merge.merge(old, change)
            rules.settle_id(kind, object_id, fresh)
            if sub_path or change.get("update_time") is None:
                fresh["update_time"] = int(self._clock())
            fresh.setdefault("create_time", int(self._clock()))
            return fresh

        return await self._write(kind, object_id, patched, if_mod_revision, ttl_s)

    async def _write(
        self,
        kind: Kind,
        object_id: str,
        change: Callable[[Stored | None], dict[str, Any]],
        if_mod_revision: int,
        ttl_s: int,
    ) -> Written:
        lease = await self._store.grant(ttl_s) if ttl_s else 0
        async with self._exclusion.turn(alone=kind.plural in RIVALS):
            return await self._write_in_turn(kind, object_id, change, if_mod_revision, lease)

    async def _write_in_turn(
        self,
        kind: Kind,
        object_id: str,
        change: Callable[[Stored | None], dict[str, Any]],
        if_mod_revision: int,
        lease: int,
    ) -> Written:
        key, place = self._store.key(kind.plural, object_id), f"{kind.plural}/{object_id}"
        async for turn in turns():
            generation, rivals = await self._rivals(kind)
            before = await self._store.get(kind.plural, object_id)
            check_precondition(before, if_mod_revision)
            if kind.parent and await self._store.get(kind.parent, object_id.partition("/")[0]) is None:
                raise Refusal(Fault.NOT_FOUND, f"{kind.parent.removesuffix('s')} not found")
            prepared = self._checker.prepare(kind, object_id, change(before), before)
            await self._permits.check_write("write", kind.plural, object_id, before, prepared.value)
            refuse_errors(prepared.problems, place)
            refuse_errors(check_rivals(kind, object_id, prepared.value, rivals), place)
            claim, indexed = await self._claim(kind, object_id, prepared.value, before, lease, turn)
            needed = await self._needed(kind, object_id, prepared.value)
            revision = await self._store.commit(
                Commit(
                    puts={key: encode_value(prepared.value), **claim.puts},
                    before={key: before.value if before else None},
                    released=claim.released,
                    unmoved={**claim.unmoved, key: before.mod_revision if before else 0},
                    exist=(*needed, *indexed),
                    generation=generation,
                    lease=lease,
                )
            )
            if revision is not None:
                shown = self._checker.masked(kind, object_id, prepared.value)
                created_in = before.create_revision if before else revision
                item = Shown(kind.plural, object_id, key, shown, created_in, revision)
                return Written(item, before is None, revision, prepared.problems)
        raise lost_race()

    async def _claim(
        self, kind: Kind, object_id: str, value: dict[str, Any], before: Stored | None, lease: int, turn: int
    ) -> tuple[Claim, tuple[str, ...]]:
        """What the index of callers' keys needs, and the keys that must exist. Raises Refusal for a key taken."""
        if kind.plural not in IDENTIFIED:
            return Claim(), ()
        await self._identities.ready(again=turn > 0)
        claim = await self._identities.claim((kind.plural, object_id), value, before, lease)
        refuse_errors(check_rivals(kind, object_id, value, claim.rivals), f"{kind.plural}/{object_id}")
        return claim, (self._identities.marker,)

    async def _rivals(self, kind: Kind) -> tuple[int | None, list[Stored]]:
        """Objects that may not have something in common with this one, and the generation they were read at."""
        if kind.plural not in RIVALS:
            return None, []
        view = await self._store.view(*RIVALS[kind.plural])
        return view.generation, list(view.objects.values())

    async def _needed(self, kind: Kind, object_id: str, value: dict[str, Any]) -> tuple[str, ...]:
        """Keys of the objects it refers to. Raises Refusal for a reference to nothing."""
        needed = [self._store.key(kind.parent, object_id.partition("/")[0])] if kind.parent else []
        for found in kind.referenced(value):
            if await self._store.get(found.kind, found.id) is None:
                raise invalid(missing_text(found.kind, found.id))
            needed.append(self._store.key(found.kind, found.id))
        needed += await self._needed_models(kind, object_id, value)
        return tuple(dict.fromkeys(needed))

    async def _needed_models(self, kind: Kind, object_id: str, value: dict[str, Any]) -> list[str]:
        """Keys of the models it names, by their ids or aliases. Raises Refusal for a name no model has."""
        if not any(True for _ in named_models(kind.plural, value)):
            return []
        view = await self._store.view("models", "providers")
        place = (kind.plural, object_id)
        after = {found: stored.value for found, stored in view.objects.items()} | {place: value}
        refuse_errors(check_model_names(after, (place,)), "/".join(place))
        names = {one.name for one in named_models(kind.plural, value)}
        named = (item for item in view.of_kind("models") if names & names_of([(item.id, item.value)]))
        return [item.key for item in named if (item.kind, item.id) != place]


def _given(value: Any) -> dict[str, Any]:
    if value is None or value is MISSING:
        raise invalid("missing configurations")
    if not isinstance(value, dict):
        raise invalid(f"invalid configuration: expected an object, came {json_type(value)}")
    return copy.deepcopy(value)
