"""What stands under ``spend/``: top, forecast, export, reconcile, corrections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import BodyPartReader, web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.api.body import LONGEST_S
from tollhouse.controlplane.author import author
from tollhouse.controlplane.ledger import export as exporting
from tollhouse.controlplane.ledger.answers import Question
from tollhouse.controlplane.ledger.forecast import Line
from tollhouse.controlplane.ledger.forms import CONTENT_TYPES
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.controlplane.ledger.reconciling import Options
from tollhouse.controlplane.ledger.reports import LARGEST
from tollhouse.controlplane.service.refusal import invalid
from tollhouse.proto.units import format_usd

_FIGURES = ("input_tokens", "cached_tokens", "output_tokens")


async def top(ledger: Ledger, request: web.Request, question: Question) -> web.StreamResponse:
    """``GET spend/top?by=consumer&limit=10``: who spends most, and how it was before."""
    found = await ledger.top(request.query.get("by", "consumer"), question)
    lines = [
        {
            "key": line.key,
            "cost_usd": format_usd(line.cost_nano),
            "share": round(line.share, 6),
            "before_usd": format_usd(line.before_nano),
            "requests": line.requests,
        }
        for line in found.lines
    ]
    total = {"cost_usd": format_usd(found.total_nano), "before_usd": format_usd(found.before_nano)}
    return answers.answer(200, {"list": lines, "total": total})


async def forecast(ledger: Ledger, request: web.Request, question: Question) -> web.StreamResponse:
    """``GET spend/forecast?period=month&timezone=Europe/Berlin&group_by=consumer``."""
    query = request.query
    found = await ledger.forecast(query.get("period", "month"), query.get("timezone", ""), question)
    return answers.answer(
        200,
        {
            "from": moment(found.from_ms),
            "to": moment(found.to_ms),
            "now": moment(found.now_ms),
            "list": [_line(line) for line in found.lines],
            "total": _line(found.total),
        },
    )


def _line(line: Line) -> dict[str, Any]:
    return {
        **line.keys,
        "spent_usd": format_usd(line.spent),
        "expected_usd": format_usd(line.expected),
        "low_usd": format_usd(line.low),
        "high_usd": format_usd(line.high),
        "rate_usd": format_usd(line.rate),
        "before_usd": format_usd(line.before),
    }


async def export(ledger: Ledger, request: web.Request, question: Question) -> web.StreamResponse:
    """``GET spend/export?what=records|hours|focus&format=csv|json|parquet``: a file."""
    what, form = request.query.get("what", "records"), request.query.get("format", "csv")
    exporting.check(what, form, question)
    pieces = ledger.export(what, form, question)
    first = await anext(pieces, b"")  # what goes wrong at once still gets a status of its own
    response = web.StreamResponse(headers={"content-disposition": f'attachment; filename="{what}.{form}"'})
    response.content_type = CONTENT_TYPES[form]
    await response.prepare(request)
    await response.write(first)
    async for piece in pieces:
        await response.write(piece)
    await response.write_eof()
    return response


async def reconcile(ledger: Ledger, request: web.Request, question: Question) -> web.StreamResponse:
    """``POST spend/reconcile?provider=openai&correct=estimate,price`` with the provider's report as the body, or with
    two as ``multipart/form-data``."""
    files = await _files(request)
    query = request.query
    causes = frozenset(name.strip() for name in query.get("correct", "").split(",") if name.strip())
    who = author.get()
    options = Options(query.get("provider", ""), causes, who.name, query.get("reason", ""))
    found = await ledger.reconcile(files, options)
    lines = [
        {
            "day": one.day,
            "model": one.model,
            "cause": one.difference.cause,
            "usd": format_usd(one.difference.nano),
            "tokens": tokens_of(one.difference.tokens),
            "requests": one.difference.requests,
            "note": one.difference.note,
        }
        for one in found.found
    ]
    return answers.answer(
        200,
        {
            "forms": found.forms,
            "provider": found.provider,
            "from": moment(found.from_ms),
            "to": moment(found.to_ms),
            "here_usd": format_usd(found.here_nano),
            "there_usd": format_usd(found.there_nano),
            "differences": lines,
            "corrections": found.corrections,
            "corrected_usd": format_usd(found.corrected_nano),
            "notes": found.notes,
        },
    )


async def _files(request: web.Request) -> list[bytes]:
    """The body, or the parts of one that has several."""
    try:
        async with asyncio.timeout(LONGEST_S):
            if not request.content_type.startswith("multipart/"):
                files = [await _bounded(request.content.read)]
            else:
                files = []
                async for part in await request.multipart():
                    if isinstance(part, BodyPartReader):
                        files.append(await _bounded(part.read_chunk))
    except TimeoutError:
        raise invalid(f"invalid request body: it did not arrive within {LONGEST_S:.0f} s") from None
    except ValueError as error:
        raise invalid(f"invalid request body: {error}") from None
    if not any(files) or len(files) > 2:
        raise invalid("send the provider's report as the body, or two of them as parts of a multipart/form-data body")
    return files


async def _bounded(read: Callable[[int], Awaitable[bytes]]) -> bytes:
    data = bytearray()
    while chunk := await read(1 << 16):
        data += chunk
        if len(data) > LARGEST:
            raise invalid(f"the report is larger than {LARGEST >> 20} MiB; ask the provider for fewer days")
    return bytes(data)


def tokens_of(tokens: Any) -> int:
    """Input and output together; the other kinds are among them."""
    return int(tokens.get("input_tokens", 0) + tokens.get("output_tokens", 0))


async def corrections(ledger: Ledger, request: web.Request, question: Question) -> web.StreamResponse:
    """``GET spend/corrections``: entries that correct something, the newest first."""
    found = await ledger.corrections(question.from_ms, question.limit)
    lines = [
        {
            **{name: row[name] for name in ("id", "corrects", "author", "cause", "reason")},
            **{name: row[name] for name in ("consumer", "model", "provider")},
            "made": moment(row["received_ms"]),
            "booked": moment(row["started_ms"]),
            "cost_usd": format_usd(row["cost_nano"]),
            **{name: row[name] for name in _FIGURES},
        }
        for row in found
    ]
    return answers.answer(200, {"list": lines})


def moment(ms: int) -> str:
    """ISO 8601 in UTC; empty for none."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds") if ms else ""
