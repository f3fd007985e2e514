"""The audit trail over REST: ``GET audit``, ``audit/requests/<id>``, ``audit/verify``, ``audit/export``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.api.routing import Target
from tollhouse.controlplane.api.spend import moment_ms
from tollhouse.controlplane.audit.questions import EXACT, MOST, Question, Record
from tollhouse.controlplane.audit.trail import AuditTrail, AuditUnavailable
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid

NO_TRAIL = "this control plane keeps no audit trail; start it with --audit"

ARGUMENTS = frozenset({*EXACT, "rule", "text", "from", "to", "limit", "before"})


async def handle(trail: AuditTrail | None, request: web.Request, target: Target) -> web.StreamResponse:
    """Raises Refusal."""
    if request.method != "GET":
        raise Refusal(Fault.UNSUPPORTED, "the audit trail is only read: use GET")
    if trail is None:
        raise Refusal(Fault.UNAVAILABLE, NO_TRAIL)
    try:
        match target.object_id, target.sub_path:
            case "", "":
                return await _search(trail, request)
            case "verify", "":
                return await _verify(trail)
            case "export", "":
                return await _export(trail, request)
            case "requests", request_id if request_id:
                return await _explain(trail, request_id)
    except AuditUnavailable as error:
        raise Refusal(Fault.UNAVAILABLE, str(error)) from None
    raise Refusal(Fault.NOT_FOUND, "not found")


async def _search(trail: AuditTrail, request: web.Request) -> web.Response:
    records, following = await trail.search(read_question(request))
    return answers.answer(
        200, {"list": [shown(record) for record in records], "total": len(records), "next": following}
    )


async def _explain(trail: AuditTrail, request_id: str) -> web.Response:
    records, configuration = await trail.explain(request_id)
    told = {"records": [shown(record) for record in records]}
    return answers.answer(200, {**told, "configuration": shown(configuration) if configuration else None})


async def _verify(trail: AuditTrail) -> web.Response:
    told = await trail.verify()
    chains = [asdict(chain) for chain in told.chains]
    return answers.answer(200, {"whole": told.whole, "key": told.key, "seals": told.seals, "chains": chains})


async def _export(trail: AuditTrail, request: web.Request) -> web.StreamResponse:
    span = {name: moment_ms(request.query.get(name, ""), name) for name in ("from", "to")}
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    pieces = trail.export(span["from"], span["to"])
    first = await anext(pieces, b"")  # what goes wrong at the beginning is still told as a status
    await response.prepare(request)
    await response.write(first)
    async for piece in pieces:
        await response.write(piece)
    await response.write_eof()
    return response


def read_question(request: web.Request) -> Question:
    """Raises Refusal naming the argument that does not fit."""
    query = request.query
    unknown = sorted(set(query) - ARGUMENTS)
    if unknown:
        raise invalid(f"unknown argument {unknown[0]!r}; there are {', '.join(sorted(ARGUMENTS))}")
    return Question(
        **{name: query[name] for name in (*EXACT, "rule", "text") if name in query},
        from_ms=moment_ms(query.get("from", ""), "from"),
        to_ms=moment_ms(query.get("to", ""), "to"),
        limit=_number(query.get("limit", "100"), "limit", MOST),
        before=_number(query.get("before", "0"), "before", 1 << 62),
    )


def _number(text: str, name: str, most: int) -> int:
    if not text.isdecimal() or len(text) > 18 or int(text) > most:
        raise invalid(f"{name}: expected a whole number up to {most}, came {text!r}")
    return int(text)


def shown(record: Record) -> dict[str, Any]:
    """One record as JSON."""
    told = asdict(record)
    told.pop("id")
    return told
