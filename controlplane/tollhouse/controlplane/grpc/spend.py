"""SpendService: takes usage records in, and says what was spent."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from tollhouse.controlplane.ledger.answers import BadQuestion, Question, Row, total
from tollhouse.controlplane.ledger.ledger import Ledger, LedgerUnavailable
from tollhouse.proto.admin.v1 import spend_pb2, spend_pb2_grpc

_log = logging.getLogger("tollhouse.controlplane.ledger")

NO_LEDGER = "this control plane keeps no ledger; start it with --ledger"


class SpendService(spend_pb2_grpc.SpendServiceServicer):
    """The gRPC face of the ledger."""

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger

    async def Intake(self, request_iterator: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """Each batch is acknowledged once it is stored; the first that cannot be ends the stream."""
        if self._ledger is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, NO_LEDGER)
            raise AssertionError("abort raises")
        async for batch in request_iterator:
            try:
                await self._ledger.store(batch.records)
            except LedgerUnavailable as error:
                await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            yield spend_pb2.UsageAck(sequence=batch.sequence)

    async def Spend(self, request: Any, context: Any) -> Any:  # noqa: N802 (gRPC's name)
        """Sums, by the dimensions asked for."""
        if self._ledger is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, NO_LEDGER)
            raise AssertionError("abort raises")
        question = Question(
            tuple(request.group_by), dict(request.filter), request.from_ms, request.to_ms, request.limit
        )
        try:
            rows = await self._ledger.spend(question)
        except BadQuestion as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise AssertionError("abort raises") from None
        except LedgerUnavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise AssertionError("abort raises") from None
        return spend_pb2.SpendResponse(rows=[_row(row) for row in rows], total=_row(Row({}, total(rows))))


def _row(row: Row) -> Any:
    sums = row.sums
    return spend_pb2.SpendRow(
        keys=row.keys,
        cost_nano_usd=sums["cost_nano"],
        estimated_nano_usd=sums["estimated_nano"],
        failed_nano_usd=sums["failed_nano"],
        **{name: sums[name] for name in ("requests", "attempts", "failed", "unpriced")},
        **{name: sums[name] for name in _TOKENS},
    )


_TOKENS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
