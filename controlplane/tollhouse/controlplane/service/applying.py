"""Document sets: planned against what is stored, and written in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tollhouse.controlplane.service.checking import Checker
from tollhouse.controlplane.service.objects import Applied
from tollhouse.controlplane.service.planning import Plan, Planner, changes_in_order, known_only
from tollhouse.controlplane.service.reading import Source, read_sources
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.controlplane.service.turns import lost_race, turns
from tollhouse.controlplane.store.objects import Commit, View, encode_value
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.problems import errors_only

__all__ = ["Applier", "Source"]


class Applier:
    """Applies document sets. Shared by all requests."""

    def __init__(self, store: Store, checker: Checker, clock: Callable[[], float]) -> None:
        self._store = store
        self._checker = checker
        self._clock = clock

    async def apply(
        self, sources: Sequence[Source], *, dry_run: bool = False, prune: bool = False, if_revision: int = 0
    ) -> Applied:
        """All or nothing. With errors among the problems, or ``dry_run``, nothing is written."""
        documents = read_sources(sources)
        async for _ in turns():
            view = known_only(await self._store.view())
            if if_revision and view.generation > if_revision:
                raise Refusal(
                    Fault.PRECONDITION,
                    f"the configuration was changed in revision {view.generation}, after revision {if_revision}",
                )
            plan = Planner(documents, view, self._checker, int(self._clock())).run(prune)
            changes, problems = tuple(changes_in_order(plan.changes)), tuple(plan.problems)
            if dry_run or errors_only(plan.problems) or not (plan.puts or plan.deletes):
                return Applied(changes, problems)
            revision = await self._store.commit(self._commit(plan, view))
            if revision is not None:
                return Applied(changes, problems, revision)
        raise lost_race()

    def _commit(self, plan: Plan, view: View) -> Commit:
        puts = {self._store.key(*place): encode_value(value) for place, value in plan.puts.items()}
        deletes = tuple(view.objects[place].key for place in plan.deletes)
        return Commit(puts=puts, deletes=deletes, generation=view.generation)
