"""Deleting: only what nothing refers to, unless forced; a consumer's credentials go with it."""

from __future__ import annotations

from tollhouse.controlplane.service import rules
from tollhouse.controlplane.service.exclusion import Exclusion
from tollhouse.controlplane.service.identities import Identities
from tollhouse.controlplane.service.objects import Deleted
from tollhouse.controlplane.service.permits import Permits
from tollhouse.controlplane.service.preconditions import check_precondition
from tollhouse.controlplane.service.referring import find_user, users_of
from tollhouse.controlplane.service.refusal import Fault, KeyNotFound, Refusal, invalid
from tollhouse.controlplane.service.turns import lost_race, turns
from tollhouse.controlplane.store.objects import Commit
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.resources import KINDS, Kind


class Deleter:
    """Deletes objects. Shared by all requests."""

    def __init__(self, store: Store, exclusion: Exclusion, identities: Identities) -> None:
        self._store = store
        self._identities = identities
        self._permits = Permits(store)
        self._exclusion = exclusion

    async def delete(self, plural: str, object_id: str, *, force: bool = False, if_mod_revision: int = 0) -> Deleted:
        """Raises Refusal, KeyNotFound among them."""
        kind = rules.kind_of(plural)
        rules.check_verb(kind, "DELETE")
        self._permits.require("delete", plural)
        if not object_id or object_id.endswith("/"):
            raise invalid(f"missing {kind.singular} id")
        if kind.id_error(object_id):
            raise KeyNotFound
        users = () if force else users_of(plural)
        # What may be referred to goes only when nobody wrote between the look at its users and the deletion.
        async with self._exclusion.turn(alone=bool(users)):
            async for _ in turns():
                commit, key = await self._plan(kind, object_id, users, if_mod_revision)
                revision = await self._store.commit(commit)
                if revision is not None:
                    return Deleted(key, 1, revision)
        raise lost_race()

    async def _plan(
        self, kind: Kind, object_id: str, users: tuple[str, ...], if_mod_revision: int
    ) -> tuple[Commit, str]:
        view = await self._store.view(*users) if users else None
        found = await self._store.get(kind.plural, object_id)
        if found is None:
            raise KeyNotFound
        await self._permits.check_write("delete", kind.plural, object_id, found, None)
        check_precondition(found, if_mod_revision)
        user = find_user(kind, object_id, view, found.value.get("aliases") or ()) if view else ""
        if user:
            raise Refusal(Fault.STILL_USED, user)
        owned = [other.plural for other in KINDS.values() if other.parent == kind.plural]
        below = [item for plural in owned for item in (await self._store.list(plural, object_id))[0]]
        return Commit(
            deletes=(found.key,),
            before={item.key: item.value for item in (found, *below)},
            emptied=tuple(self._store.directory(plural, object_id) for plural in owned),
            released=self._identities.released(found, *below),
            unmoved={found.key: found.mod_revision},
            generation=view.generation if view else None,
        ), found.key
