"""Asks operators for more than a budget has: opens the approval at the control plane, and has people told."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc
from tollhouse.dataplane.runtime.ledger.control_plane import open_channel
from tollhouse.dataplane.runtime.node.notifying import Notifying
from tollhouse.dataplane.settings import Settings
from tollhouse.dataplane.spending import Asked, Need
from tollhouse.proto.admin.v1 import approvals_pb2, approvals_pb2_grpc

log = logging.getLogger("tollhouse.approvals")

ANSWER_S = 10.0


class Escalating:
    """One per node, in the supervisor. Workers that ask for the same key at once share one question."""

    def __init__(self, settings: Settings, notifying: Notifying) -> None:
        self._settings = settings
        self._notifying = notifying
        self._channel: Any = None
        self._asking: dict[str, asyncio.Task[Asked]] = {}

    async def ask(self, need: Need) -> Asked:
        """The approval to wait for, or why there is none. Never raises but for cancellation."""
        if not self._settings.control_plane:
            return Asked(problem="this node knows no control plane (--control-plane)")
        task = self._asking.get(need.key)
        if task is None:
            task = self._asking[need.key] = asyncio.get_running_loop().create_task(self._open(need))
            task.add_done_callback(lambda _: self._asking.pop(need.key, None))
        return await asyncio.shield(task)

    async def _open(self, need: Need) -> Asked:
        if self._channel is None:
            self._channel = open_channel(self._settings)
        key = self._settings.key_for_control_plane
        request = approvals_pb2.OpenApprovalRequest(
            budget=need.budget,
            key=need.key,
            unit=need.unit,
            limit=need.limit,
            used=need.used,
            needed=need.needed,
            ttl_s=need.ttl_s,
            context=approvals_pb2.ApprovalContext(**need.context),
        )
        try:
            answer = await approvals_pb2_grpc.ApprovalServiceStub(self._channel).Open(
                request, metadata=(("x-api-key", key),) if key else (), timeout=ANSWER_S
            )
        except grpc.RpcError as error:
            code = getattr(error, "code", str)()
            log.error("no approval opened: %s", getattr(error, "details", str)(), extra={"budget": need.budget})
            return Asked(problem=f"the control plane answered {getattr(code, 'name', code)}")
        one = answer.approval
        if answer.created:
            log.warning(
                "approval asked for",
                extra={"approval": one.id, "budget": one.budget, "key": one.key, "needed": one.needed},
            )
            self._notifying.asked(one, answer.link)
        return Asked(one.id, one.state, one.note)

    async def close(self) -> None:
        """Let go of the control plane."""
        for task in list(self._asking.values()):
            task.cancel()
        if self._channel is not None:
            await self._channel.close()
