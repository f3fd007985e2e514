"""The history over REST: ``GET history``, ``GET history/<revision>``, ``POST history/<revision>/rollback``."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.api.routing import Target
from tollhouse.controlplane.service.history import Write
from tollhouse.controlplane.service.objects import Applied, Change
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.controlplane.service.service import Service
from tollhouse.proto.problems import errors_only

MOST = 1000


async def handle(service: Service, request: web.Request, target: Target) -> web.Response:
    """Raises Refusal."""
    method, sub_path = request.method, target.sub_path
    if method == "GET" and not sub_path:
        if target.object_id:
            return answers.answer(200, shown(await service.history.show(_number(target.object_id, "revision"))))
        return await _list(service, request)
    if method == "POST" and sub_path == "rollback":
        return await _rollback(service, request, _number(target.object_id, "revision"))
    raise Refusal(Fault.NOT_FOUND, "not found")


async def _list(service: Service, request: web.Request) -> web.Response:
    query = request.query
    writes = await service.history.list(
        limit=min(_number(query.get("limit", "50"), "limit"), MOST),
        before=_number(query["before"], "before") if "before" in query else 0,
        kind=query.get("kind", ""),
        object_id=query.get("id", ""),
    )
    return answers.answer(200, {"list": [shown(write) for write in writes], "total": len(writes)})


async def _rollback(service: Service, request: web.Request, revision: int) -> web.Response:
    dry_run = request.query.get("dry_run") == "true"
    if_revision = _number(request.query["if_revision"], "if_revision") if "if_revision" in request.query else 0
    applied = await service.history.rollback(revision, dry_run=dry_run, if_revision=if_revision)
    return applied_answer(applied)


def applied_answer(applied: Applied) -> web.Response:
    """What a set of changes did: 400 when nothing was written because something is wrong."""
    body = {
        "changes": [_change(change) for change in applied.changes],
        "problems": [
            {"where": one.where, "what": one.what, "hint": one.hint, "severity": one.severity}
            for one in applied.problems
        ],
        "revision": applied.revision,
    }
    errors = errors_only(list(applied.problems))
    if errors:
        body["error_msg"] = "; ".join(f"{one.where}: {one.what}" for one in errors)
    return answers.answer(400 if errors else 200, body)


def shown(write: Write) -> dict[str, Any]:
    """One write as JSON."""
    return {
        "revision": write.revision,
        "at": write.at,
        "author": write.author.name,
        "role": write.author.role,
        "via": write.author.via,
        "address": write.author.address,
        "purpose": write.purpose,
        "changes": [_change(change) for change in write.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    told: dict[str, Any] = {"action": change.action, "kind": change.kind, "id": change.id}
    if change.before is not None:
        told["before"] = change.before
    if change.after is not None:
        told["after"] = change.after
    return told


def _number(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > 18 or not int(text):
        raise invalid(f"invalid argument {name}: should be a whole number from 1")
    return int(text)
