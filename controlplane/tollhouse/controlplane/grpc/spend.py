"""SpendService: takes usage records in, and says what was spent."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn

import grpc
import grpc.aio
from tollhouse.controlplane.author import author
from tollhouse.controlplane.ledger.answers import BadQuestion, Question, Row
from tollhouse.controlplane.ledger.forecast import Line
from tollhouse.controlplane.ledger.forms import FormUnavailable
from tollhouse.controlplane.ledger.ledger import Ledger, LedgerUnavailable
from tollhouse.controlplane.ledger.reconciling import Options
from tollhouse.controlplane.ledger.reports import BadReport
from tollhouse.controlplane.ledger.schema import TOKENS
from tollhouse.proto.admin.v1 import spend_pb2, spend_pb2_grpc

_log = logging.getLogger("tollhouse.controlplane.ledger")

NO_LEDGER = "this control plane keeps no ledger; start it with --ledger"
PIECE = 1 << 20
COUNTS_IN_PIECE = 1000

_COUNTS = ("requests", "attempts", "failed", "unpriced", *TOKENS)
_MONEY = ("cost", "estimated", "failed", "retried", "cache_saved", "routing_saved", "corrected")


class SpendService(spend_pb2_grpc.SpendServiceServicer):
    """The gRPC face of the ledger."""

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger

    async def Intake(self, request_iterator: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """Each batch is acknowledged once it is stored; the first that cannot be ends the stream."""
        ledger = await self._open(context)
        async for batch in request_iterator:
            try:
                await ledger.store(batch.records)
            except LedgerUnavailable as error:
                await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            yield spend_pb2.UsageAck(sequence=batch.sequence)

    async def Counts(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """What was counted on budgets, in pieces."""
        ledger = await self._open(context)
        piece = spend_pb2.CountsPiece()
        try:
            async for one in ledger.counts(request.node):
                piece.counts.add(
                    node=one.node, key=one.key, bucket=one.bucket, expires=one.expires, units=one.units, doubt=one.doubt
                )
                if len(piece.counts) == COUNTS_IN_PIECE:
                    yield piece
                    piece = spend_pb2.CountsPiece()
        except LedgerUnavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        yield piece

    async def Spend(self, request: Any, context: Any) -> Any:  # noqa: N802 (gRPC's name)
        """Sums, by the dimensions asked for."""
        ledger = await self._open(context)
        try:
            rows, total = await ledger.answer(_question(request, request.group_by))
        except _REFUSALS as error:
            await _refuse(context, error)
        return spend_pb2.SpendResponse(rows=[_row(row) for row in rows], total=_row(total))

    async def Top(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Who spends most."""
        ledger = await self._open(context)
        try:
            found = await ledger.top(request.by or "consumer", _question(request))
        except _REFUSALS as error:
            await _refuse(context, error)
        lines = [
            spend_pb2.TopLine(
                key=line.key,
                cost_nano_usd=line.cost_nano,
                share=line.share,
                before_nano_usd=line.before_nano,
                requests=line.requests,
            )
            for line in found.lines
        ]
        return spend_pb2.TopResponse(lines=lines, total_nano_usd=found.total_nano, before_nano_usd=found.before_nano)

    async def Forecast(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Where the running period will end."""
        ledger = await self._open(context)
        question = Question(tuple(request.group_by), dict(request.filter), limit=request.limit)
        try:
            found = await ledger.forecast(request.period, request.timezone, question)
        except _REFUSALS as error:
            await _refuse(context, error)
        return spend_pb2.ForecastResponse(
            from_ms=found.from_ms,
            to_ms=found.to_ms,
            now_ms=found.now_ms,
            lines=[_line(line) for line in found.lines],
            total=_line(found.total),
        )

    async def Export(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """A file, in pieces."""
        ledger = await self._open(context)
        try:
            async for data in ledger.export(request.what or "records", request.format or "csv", _question(request)):
                for at in range(0, len(data), PIECE):
                    yield spend_pb2.ExportPiece(data=data[at : at + PIECE])
        except _REFUSALS as error:
            await _refuse(context, error)

    async def Reconcile(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A provider's report beside the ledger."""
        ledger = await self._open(context)
        options = Options(request.provider, frozenset(request.correct), author.get().name, request.reason)
        try:
            found = await ledger.reconcile(list(request.reports), options)
        except _REFUSALS as error:
            await _refuse(context, error)
        differences = [
            spend_pb2.Difference(
                day=one.day,
                model=one.model,
                cause=one.difference.cause,
                nano_usd=one.difference.nano,
                tokens=sum(one.difference.tokens.get(kind, 0) for kind in ("input_tokens", "output_tokens")),
                requests=one.difference.requests,
                note=one.difference.note,
            )
            for one in found.found
        ]
        return spend_pb2.ReconcileResponse(
            forms=found.forms,
            provider=found.provider,
            from_ms=found.from_ms,
            to_ms=found.to_ms,
            here_nano_usd=found.here_nano,
            there_nano_usd=found.there_nano,
            differences=differences,
            corrections=found.corrections,
            corrected_nano_usd=found.corrected_nano,
            notes=found.notes,
        )

    async def Corrections(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Entries that correct something."""
        ledger = await self._open(context)
        try:
            found = await ledger.corrections(request.from_ms, request.limit)
        except _REFUSALS as error:
            await _refuse(context, error)
        return spend_pb2.CorrectionsResponse(corrections=[_correction(row) for row in found])

    async def _open(self, context: Any) -> Ledger:
        if self._ledger is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, NO_LEDGER)
            raise AssertionError("abort raises")
        return self._ledger


_REFUSALS = (BadQuestion, BadReport, FormUnavailable, LedgerUnavailable)


async def _refuse(context: Any, error: Exception) -> NoReturn:
    down = isinstance(error, LedgerUnavailable)
    await context.abort(grpc.StatusCode.UNAVAILABLE if down else grpc.StatusCode.INVALID_ARGUMENT, str(error))
    raise AssertionError("abort raises")


def _question(request: Any, group_by: Any = ()) -> Question:
    limit = getattr(request, "limit", 0)
    return Question(tuple(group_by), dict(request.filter), request.from_ms, request.to_ms, limit)


def _row(row: Row) -> Any:
    money = {f"{name}_nano_usd": row.sums[f"{name}_nano"] for name in _MONEY}
    return spend_pb2.SpendRow(keys=row.keys, **money, **{name: row.sums[name] for name in _COUNTS})


def _line(line: Line) -> Any:
    return spend_pb2.ForecastLine(
        keys=line.keys,
        spent_nano_usd=line.spent,
        expected_nano_usd=line.expected,
        low_nano_usd=line.low,
        high_nano_usd=line.high,
        rate_nano_usd=line.rate,
        before_nano_usd=line.before,
    )


def _correction(row: Mapping[str, Any]) -> Any:
    same = ("id", "corrects", "author", "cause", "reason", "consumer", "model", "provider")
    return spend_pb2.Correction(
        **{name: row[name] for name in same},
        made_ms=row["received_ms"],
        booked_ms=row["started_ms"],
        cost_nano_usd=row["cost_nano"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
    )
