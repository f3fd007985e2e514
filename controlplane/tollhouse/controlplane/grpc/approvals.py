"""ApprovalService: what nodes ask operators, and what those say, over gRPC."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToDict
from tollhouse.controlplane.grpc.config import answered
from tollhouse.controlplane.service.approvals import Asked, Decided
from tollhouse.controlplane.service.service import Service
from tollhouse.proto.admin.v1 import approvals_pb2 as pb
from tollhouse.proto.admin.v1 import approvals_pb2_grpc

Context = Any

_TEXTS = (
    "budget",
    "key",
    "unit",
    "limit",
    "used",
    "needed",
    "suggested",
    "granted",
    "decided_by",
    "decided_via",
    "note",
)
_TIMES = ("opened_at", "expires_at", "until", "decided_at")


class ApprovalService(approvals_pb2_grpc.ApprovalServiceServicer):
    """Serves approvals; the rules are the service layer's."""

    def __init__(self, service: Service) -> None:
        self._approvals = service.approvals

    @answered
    async def Open(self, request: pb.OpenApprovalRequest, context: Context) -> pb.OpenApprovalResponse:  # noqa: N802
        """A node asks for more than a budget has."""
        told = MessageToDict(request.context, preserving_proto_field_name=True)
        told = {name: _cut(int(value) if name.endswith(("bytes", "tokens")) else value) for name, value in told.items()}
        asked = Asked(
            request.budget,
            request.key,
            request.unit,
            request.limit,
            request.used,
            request.needed,
            request.ttl_s,
            told,
        )
        decided, created = await self._approvals.open(asked)
        link = self._approvals.link(decided) if created else ""
        return pb.OpenApprovalResponse(approval=_message(decided), created=created, link=link)

    @answered
    async def List(self, request: pb.ListApprovalsRequest, context: Context) -> pb.ListApprovalsResponse:  # noqa: N802
        """The newest first."""
        found = await self._approvals.find(request.state, request.budget)
        return pb.ListApprovalsResponse(approvals=map(_message, found))

    @answered
    async def Get(self, request: pb.GetApprovalRequest, context: Context) -> pb.Approval:  # noqa: N802
        """One."""
        return _message(await self._approvals.get(request.id))

    @answered
    async def Approve(self, request: pb.ApproveRequest, context: Context) -> pb.Approval:  # noqa: N802
        """Grant an amount for a time."""
        decided = await self._approvals.approve(request.id, request.amount, request.for_s, request.note, via="grpc")
        return _message(decided)

    @answered
    async def Deny(self, request: pb.DenyRequest, context: Context) -> pb.Approval:  # noqa: N802
        """Refuse."""
        return _message(await self._approvals.deny(request.id, request.for_s, request.note, via="grpc"))

    @answered
    async def Revoke(self, request: pb.RevokeRequest, context: Context) -> pb.Approval:  # noqa: N802
        """End a grant."""
        return _message(await self._approvals.revoke(request.id, request.note, via="grpc"))


def _cut(value: Any) -> Any:
    """What agents wrote, no longer than an approval holds."""
    if isinstance(value, str):
        return value[:512]
    if isinstance(value, list):
        return [str(one)[:512] for one in value[:32]]
    if isinstance(value, dict):
        return {str(name)[:64]: str(one)[:512] for name, one in list(value.items())[:32]}
    return value


def _message(one: Decided) -> pb.Approval:
    value = one.value
    told: dict[str, Any] = {name: str(value.get(name) or "") for name in _TEXTS}
    told |= {name: int(value.get(name) or 0) for name in _TIMES}
    known = pb.ApprovalContext.DESCRIPTOR.fields_by_name
    context = {name: part for name, part in (value.get("context") or {}).items() if name in known}
    told |= {"state": one.state, "active": one.active, "revision": one.revision}
    return pb.Approval(id=one.id, context=pb.ApprovalContext(**context), **told)
