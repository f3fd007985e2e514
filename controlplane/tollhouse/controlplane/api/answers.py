"""REST answers: APISIX's v3 envelopes, and the status of each refusal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from tollhouse.controlplane.service.objects import Deleted, Shown, Written
from tollhouse.controlplane.service.refusal import Fault, KeyNotFound, Refusal

STATUS: Mapping[Fault, int] = {
    Fault.INVALID: 400,
    Fault.UNAUTHENTICATED: 401,
    Fault.FORBIDDEN: 401,  # APISIX refuses a viewer with 401
    Fault.DENIED: 403,
    Fault.SLOWED: 429,
    Fault.NOT_FOUND: 404,
    Fault.UNSUPPORTED: 405,
    Fault.STILL_USED: 400,
    Fault.PRECONDITION: 412,
    Fault.LOST_RACE: 503,
    Fault.COMPACTED: 400,
    Fault.UNAVAILABLE: 503,
}


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", headers=headers)


def bare(status: int) -> web.Response:
    """An answer without a body of ours, as nginx would give it."""
    return web.Response(status=status, content_type="application/json")


def refusal(error: Refusal) -> web.Response:
    """What a refusal looks like."""
    if isinstance(error, KeyNotFound):
        return answer(404, {"message": error.text})
    if error.fault in (Fault.UNAUTHENTICATED, Fault.FORBIDDEN):
        return answer(401, {"error_msg": "failed to check token", "description": error.text})
    headers = {"Retry-After": str(math.ceil(error.retry_after_s))} if error.retry_after_s else None
    return answer(STATUS[error.fault], {"error_msg": error.text}, headers)


def shown(item: Shown) -> dict[str, Any]:
    """One object, as GET shows it."""
    return {
        "key": item.key,
        "value": item.value,
        "createdIndex": item.create_revision,
        "modifiedIndex": item.mod_revision,
    }


def written(result: Written) -> web.Response:
    """The answer to PUT, POST and PATCH; ``notes`` only when there is something to tell."""
    body: dict[str, Any] = {"key": result.object.key, "value": result.object.value}
    if result.problems:
        body["notes"] = [str(problem) for problem in result.problems]
    headers = {"ETag": f'"{result.revision}"', "X-Tollhouse-Revision": str(result.revision)}
    return answer(201 if result.created else 200, body, headers)


def deleted(result: Deleted) -> web.Response:
    """The answer to DELETE; the count is a string, as in APISIX."""
    headers = {"X-Tollhouse-Revision": str(result.revision)}
    return answer(200, {"deleted": str(result.count), "key": result.key}, headers)
