"""Arguments over gRPC that do not fit; the rest is in service/test_history.py."""

from __future__ import annotations

import grpc.aio
import pytest
from tollhouse.proto.admin.v1 import history_pb2, history_pb2_grpc

from tests.controlplane.plane import METADATA, Plane


async def test_what_does_not_fit_is_named(plane: Plane) -> None:
    """A limit out of range, and a revision nobody wrote."""
    stub = history_pb2_grpc.HistoryServiceStub(plane.channel)
    with pytest.raises(grpc.aio.AioRpcError, match="limit: expected 0 to 1000"):
        await stub.ListWrites(history_pb2.ListWritesRequest(limit=-1), metadata=METADATA)
    with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
        await stub.ShowWrite(history_pb2.ShowWriteRequest(revision=1), metadata=METADATA)
