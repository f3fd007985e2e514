"""AuditService: takes lines of nodes in, and answers what was decided and changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import grpc
import orjson
from tollhouse.controlplane.api.audit import NO_TRAIL
from tollhouse.controlplane.audit.questions import MOST, Question, Record
from tollhouse.controlplane.audit.trail import AuditTrail, AuditUnavailable
from tollhouse.proto.admin.v1 import audit_pb2 as pb
from tollhouse.proto.admin.v1 import audit_pb2_grpc

_ASKED = (
    "request_id",
    "actor",
    "rule",
    "kind",
    "action",
    "route",
    "model",
    "text",
    "from_ms",
    "to_ms",
    "limit",
    "before",
)


class AuditService(audit_pb2_grpc.AuditServiceServicer):
    """The gRPC face of the audit trail."""

    def __init__(self, trail: AuditTrail | None) -> None:
        self._trail = trail

    async def Intake(self, request_iterator: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """Each batch is acknowledged once it is stored; the first that cannot be ends the stream."""
        trail = await self._there(context)
        async for batch in request_iterator:
            try:
                await trail.store(batch.chain, batch.lines)
            except AuditUnavailable as error:
                await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            except ValueError as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            yield pb.AuditAck(sequence=batch.sequence)

    async def Search(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The newest first."""
        if not 0 <= request.limit <= MOST:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"limit: expected 0 to {MOST}, came {request.limit}")
        question = Question(**{name: getattr(request, name) for name in _ASKED})
        records, following = await self._answered(context, "search", question)
        return pb.SearchAuditResponse(records=[_message(record) for record in records], next=following)

    async def Explain(self, request: Any, context: Any) -> Any:  # noqa: N802
        """One request."""
        records, made = await self._answered(context, "explain", request.request_id)
        configuration = _message(made) if made is not None else None
        return pb.ExplainAuditResponse(records=[_message(record) for record in records], configuration=configuration)

    async def Verify(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Every chain."""
        told = await self._answered(context, "verify")
        chains = [pb.VerifiedChain(**asdict(chain)) for chain in told.chains]
        return pb.VerifyAuditResponse(chains=chains, seals=told.seals, whole=told.whole, key=told.key)

    async def Export(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """Lines as they are stored."""
        trail = await self._there(context)
        try:
            async for piece in trail.export(request.from_ms, request.to_ms):
                yield pb.AuditPiece(lines=piece)
        except AuditUnavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))

    async def _there(self, context: Any) -> AuditTrail:
        if self._trail is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, NO_TRAIL)
            raise AssertionError("abort raises")
        return self._trail

    async def _answered(self, context: Any, name: str, *arguments: Any) -> Any:
        trail = await self._there(context)
        try:
            return await getattr(trail, name)(*arguments)
        except AuditUnavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))


def _message(record: Record) -> Any:
    told = asdict(record)
    told.pop("id")
    return pb.AuditRecord(**{**told, "event": orjson.dumps(record.event)})
