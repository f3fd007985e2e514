"""Approvals over REST: ``GET approvals``, ``GET approvals/<id>``, ``POST approvals/<id>/approve|deny|revoke``."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.api.body import read_body
from tollhouse.controlplane.api.routing import Target
from tollhouse.controlplane.author import author
from tollhouse.controlplane.service.approvals import Decided, Via
from tollhouse.controlplane.service.decoding import MISSING, decode_json
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.controlplane.service.service import Service
from tollhouse.proto.durations import duration_s

FIELDS = {"approve": ("amount", "for", "note"), "deny": ("for", "note"), "revoke": ("note",)}
"""What each decision takes."""


async def handle(service: Service, request: web.Request, target: Target) -> web.Response:
    """Raises Refusal."""
    approvals, verb = service.approvals, target.sub_path
    if request.method == "GET" and not verb:
        if target.object_id:
            return answers.answer(200, _envelope(await approvals.get(target.object_id)))
        found = await approvals.find(request.query.get("state", ""), request.query.get("budget", ""))
        return answers.answer(200, {"list": [_envelope(one) for one in found], "total": len(found)})
    if request.method != "POST" or verb not in FIELDS or not target.object_id:
        raise Refusal(Fault.UNSUPPORTED, "approvals are listed with GET, and decided with POST <id>/approve or /deny")
    told = _told(decode_json(await read_body(request)), FIELDS[verb])
    note = str(told.get("note") or "")
    via: Via = "console" if author.get().via == "console" else "rest"
    if verb == "approve":
        amount = str(told.get("amount") or "")
        decided = await approvals.approve(target.object_id, amount, read_for(told.get("for")), note, via=via)
    elif verb == "deny":
        decided = await approvals.deny(target.object_id, read_for(told.get("for")), note, via=via)
    else:
        decided = await approvals.revoke(target.object_id, note, via=via)
    headers = {"X-Tollhouse-Revision": str(decided.revision)}
    return answers.answer(200, _envelope(decided), headers)


def _envelope(one: Decided) -> dict[str, Any]:
    """As APISIX shows an object; the state says ``expired`` where nobody decided."""
    return {
        "key": one.key,
        "value": {**one.value, "state": one.state, "active": one.active},
        "createdIndex": one.created_revision,
        "modifiedIndex": one.revision,
    }


def _told(body: Any, fields: tuple[str, ...]) -> dict[str, Any]:
    if body is MISSING:
        return {}
    if not isinstance(body, dict):
        raise invalid("invalid configuration: expected an object")
    unknown = sorted(body.keys() - set(fields))
    if unknown:
        raise invalid(f"{unknown[0]}: unknown field; there are {', '.join(fields)}")
    return body


def read_for(value: Any) -> int:
    """Seconds of ``for``: a number, or text such as ``2h``; 0 when not given. Raises Refusal."""
    if value in (None, ""):
        return 0
    try:
        return duration_s(value)
    except ValueError as error:
        raise invalid(f"for: {error}") from None
