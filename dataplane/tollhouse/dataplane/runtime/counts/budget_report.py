"""What a node knows of its budgets, as ``gatewayctl budgets`` and the metrics show it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

import grpc
from tollhouse.dataplane.config.objects import RawObject
from tollhouse.dataplane.engine.budgets import CompiledBudget
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.counting_for_others import CountingForOthers
from tollhouse.dataplane.runtime.counts.remote_budgets import RemoteBudgets
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.node.notifying import Notifying
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.proto import resources
from tollhouse.proto.admin.v1 import spend_pb2, spend_pb2_grpc

log = logging.getLogger("tollhouse.budgets")


class BudgetService(spend_pb2_grpc.BudgetServiceServicer):
    """The gRPC face."""

    def __init__(
        self, state: ConfigState, authority: BudgetAuthority, notifying: Notifying, others: CountingForOthers
    ) -> None:
        self._state = state
        self._authority = authority
        self._notifying = notifying
        self._others = others

    async def ListBudgets(self, request: Any, context: Any) -> Any:  # noqa: N802 (gRPC's name)
        """Every budget, and every key it counts under."""
        try:
            totals = await self._authority.totals()
        except CounterUnavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise AssertionError("abort raises") from None
        raw = self._state.of_kind("budgets")
        store = "redis"
        if self._authority.shared is None or isinstance(self._authority.shared, RemoteBudgets):
            store = "node" if self._authority.shared is None and not self._others.serves else "shared"
        return spend_pb2.ListBudgetsResponse(store=store, budgets=budget_states(raw, totals, time.time()))

    async def RebuildBudgets(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Raise counts that say less than the ledger."""
        try:
            compared, raised = await self._authority.repair.rebuild()
        except CounterUnavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise AssertionError("abort raises") from None
        return spend_pb2.RebuildBudgetsResponse(compared=compared, raised=raised)

    async def Count(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A step of another node."""
        if not self._others.serves:
            told = "this node counts for itself alone; start it with --budget-store shared to have it count for others"
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, told)
        try:
            return spend_pb2.CountResponse(answer=await self._others.do(request.node, request.step))
        except CounterUnavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"step: {error}")
        raise AssertionError("abort raises")

    async def TestNotifier(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Send a test event."""
        try:
            problem = await self._notifying.test(request.notifier)
        except KeyError:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no notifier {request.notifier!r} on this node")
            raise AssertionError("abort raises") from None
        return spend_pb2.TestNotifierResponse(problem=problem)


def budget_states(raw: Iterable[RawObject], totals: list[tuple[str, int, Bucket]], now: float) -> list[Any]:
    """The counts of the current windows; budgets nobody used yet are shown with nothing spent."""
    by_budget: dict[str, dict[str, list[tuple[int, Bucket]]]] = {}
    for key, start, bucket in totals:
        by_budget.setdefault(key.partition("|")[0], {}).setdefault(key, []).append((start, bucket))
    shown: list[Any] = []
    for one in raw:
        try:
            budget = CompiledBudget(one.id, resources.parse("budgets", one.value, one.id))
        except ValueError as error:
            log.debug("budget not shown: %s", error)  # the workers refuse it and say so
            continue
        keys = by_budget.get(one.id, {})
        if not keys and "|" not in one.id:
            keys = {one.id: []}
        shown += [_state(budget, key, buckets, now) for key, buckets in sorted(keys.items())]
    return shown


def _state(budget: CompiledBudget, key: str, buckets: list[tuple[int, Bucket]], now: float) -> Any:
    resource = budget.resource
    span = budget.span(now)
    counted = [bucket for start, bucket in buckets if start >= span.since]
    spent = sum(bucket.spent for bucket in counted)
    held = sum(bucket.held for bucket in counted)
    return spend_pb2.BudgetState(
        budget=budget.id,
        key=key,
        unit=resource.unit,
        window=("last " if resource.rolling else "") + resource.window,
        limit=budget.units,
        spent=spent,
        reserved=held,
        remaining=max(0, budget.units - spent - held),
        max_overshoot=0 if resource.strict else sum(bucket.doubt for bucket in counted),
        resets_ms=0 if resource.rolling or not span.ends else span.ends * 1000,
        enforced=budget.enforced,
        batches=resource.allow_batches and budget.enforced,
    )
