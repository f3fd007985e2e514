"""HistoryService: what was changed, by whom, and the way back, over gRPC."""

from __future__ import annotations

from typing import Any

from tollhouse.controlplane.grpc import convert
from tollhouse.controlplane.grpc.config import answered
from tollhouse.controlplane.service.history import Write
from tollhouse.controlplane.service.refusal import invalid
from tollhouse.controlplane.service.service import Service
from tollhouse.proto.admin.v1 import config_pb2, history_pb2_grpc
from tollhouse.proto.admin.v1 import history_pb2 as pb

Context = Any
MOST = 1000


class HistoryService(history_pb2_grpc.HistoryServiceServicer):
    """Serves the history; the rules are the service layer's."""

    def __init__(self, service: Service) -> None:
        self._history = service.history

    @answered
    async def ListWrites(self, request: pb.ListWritesRequest, context: Context) -> pb.ListWritesResponse:  # noqa: N802
        """The newest writes first."""
        if not 0 <= request.limit <= MOST:
            raise invalid(f"limit: expected 0 to {MOST}, came {request.limit}")
        writes = await self._history.list(request.limit or 50, request.before, request.kind, request.id)
        return pb.ListWritesResponse(writes=[_message(write) for write in writes])

    @answered
    async def ShowWrite(self, request: pb.ShowWriteRequest, context: Context) -> pb.Write:  # noqa: N802
        """One write with its objects before and after."""
        return _message(await self._history.show(request.revision))

    @answered
    async def Rollback(self, request: pb.RollbackRequest, context: Context) -> config_pb2.ApplyResponse:  # noqa: N802
        """Everything as it was right after a revision."""
        applied = await self._history.rollback(
            request.revision, dry_run=request.dry_run, if_revision=request.if_revision
        )
        return convert.applied_message(applied)


def _message(write: Write) -> pb.Write:
    return pb.Write(
        revision=write.revision,
        at=write.at,
        author=write.author.name,
        role=write.author.role,
        via=write.author.via,
        address=write.author.address,
        purpose=write.purpose,
        changes=[convert.change_message(change) for change in write.changes],
    )
