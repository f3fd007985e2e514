"""Document sets: planned against what is stored, and written in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tollhouse.controlplane.service.checking import Checker
from tollhouse.controlplane.service.exclusion import Exclusion
from tollhouse.controlplane.service.identities import Identities
from tollhouse.controlplane.service.objects import Applied
from tollhouse.controlplane.service.permits import Permits
from tollhouse.controlplane.service.planning import Plan, Planner, changes_in_order, known_only
from tollhouse.controlplane.service.reading import Source, read_sources
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.controlplane.service.turns import lost_race, turns
from tollhouse.controlplane.store.objects import Commit, View, encode_value
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.problems import Problem, errors_only

__all__ = ["Applier", "Source"]


class Applier:
    """Applies document sets. Shared by all requests."""

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

    async def apply(
        self, sources: Sequence[Source], *, dry_run: bool = False, prune: bool = False, if_revision: int = 0
    ) -> Applied:
        """All or nothing. With errors among the problems, or ``dry_run``, nothing is written."""
        documents = read_sources(sources)

        def planned(view: View) -> Plan:
            return Planner(documents, view, self._checker, int(self._clock())).run(prune)

        return await self.write(planned, dry_run=dry_run, if_revision=if_revision)

    async def problems(self, sources: Sequence[Source]) -> tuple[Problem, ...]:
        """What is wrong with a set, for whoever may read: nothing is shown of what is stored."""
        documents, view = read_sources(sources), known_only(await self._store.view())
        return tuple(Planner(documents, view, self._checker, int(self._clock())).run(prune=False).problems)

    async def write(self, planned: Callable[[View], Plan], *, dry_run: bool = False, if_revision: int = 0) -> Applied:
        """Carry out what ``planned`` makes of everything stored; it is asked again when others wrote meanwhile."""
        if dry_run:
            return (await self._plan(planned, if_revision))[0]
        async with self._exclusion.turn(alone=True):
            async for turn in turns():
                applied, commit = await self._plan(planned, if_revision)
                if commit is None:
                    return applied
                await self._identities.ready(again=turn > 0)
                revision = await self._store.commit(commit)
                if revision is not None:
                    return replace(applied, revision=revision)
        raise lost_race()

    async def _plan(self, planned: Callable[[View], Plan], if_revision: int) -> tuple[Applied, Commit | None]:
        """What would change, and the transaction for it when there is something to write and nothing wrong."""
        view = known_only(await self._store.view())
        if if_revision and view.generation > if_revision:
            raise Refusal(
                Fault.PRECONDITION,
                f"the configuration was changed in revision {view.generation}, after revision {if_revision}",
            )
        plan = planned(view)
        self._permits.check_plan(view.objects, plan.puts, plan.deletes)
        applied = Applied(tuple(changes_in_order(plan.changes)), tuple(plan.problems))
        if errors_only(plan.problems) or not (plan.puts or plan.deletes):
            return applied, None
        return applied, self._commit(plan, view)

    def _commit(self, plan: Plan, view: View) -> Commit:
        puts = {self._store.key(*place): encode_value(value) for place, value in plan.puts.items()}
        deletes = [view.objects[place].key for place in plan.deletes]
        entries, gone = self._identities.of_set(view.objects, plan.puts, plan.deletes)
        return Commit(
            puts={**puts, **entries},
            deletes=(*deletes, *gone),
            before={item.key: item.value for place, item in view.objects.items() if place in plan.puts}
            | {view.objects[place].key: view.objects[place].value for place in plan.deletes},
            exist=(self._identities.marker,),
            generation=view.generation,
        )
