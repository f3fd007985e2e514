"""Objects over REST: one handler per verb."""

from __future__ import annotations

import math
import re
from typing import Any

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.api.routing import Target
from tollhouse.controlplane.service.listing import read_query
from tollhouse.controlplane.service.preconditions import ONLY_IF_NEW, ONLY_IF_THERE
from tollhouse.controlplane.service.refusal import KeyNotFound, invalid
from tollhouse.controlplane.service.service import Service

_LONGEST_TTL_S = 9_000_000_000  # etcd's own bound


async def handle(service: Service, request: web.Request, target: Target, body: Any, ttl_s: int) -> web.Response:
    """Carry out a request whose verb the kind has. Raises Refusal."""
    kind, object_id = target.resource, target.object_id
    condition = _condition(request)
    if request.method == "GET":
        return await _get(service, request, target)
    if request.method == "PUT":
        return answers.written(await service.put(kind, object_id, body, if_mod_revision=condition, ttl_s=ttl_s))
    if request.method == "POST":
        return answers.written(await service.post(kind, object_id, body, ttl_s=ttl_s))
    if request.method == "PATCH":
        result = await service.patch(kind, object_id, body, target.sub_path, if_mod_revision=condition, ttl_s=ttl_s)
        return answers.written(result)
    force = request.query.get("force") == "true"
    return answers.deleted(await service.delete(kind, object_id, force=force, if_mod_revision=condition))


async def _get(service: Service, request: web.Request, target: Target) -> web.Response:
    parent, _, own = target.object_id.partition("/")
    if target.resource == "credentials" and not own:
        if not parent:
            raise KeyNotFound
        listing = await service.list(target.resource, read_query(request.query), parent=parent)
        if not listing.total:
            raise KeyNotFound
    elif target.object_id:
        item = await service.get(target.resource, target.object_id)
        headers = {"ETag": f'"{item.mod_revision}"', "X-Tollhouse-Revision": str(item.mod_revision)}
        return answers.answer(200, answers.shown(item), headers)
    else:
        listing = await service.list(target.resource, read_query(request.query))
    body = {"list": [answers.shown(item) for item in listing.objects], "total": listing.total}
    return answers.answer(200, body, {"X-Tollhouse-Revision": str(listing.revision)})


def read_ttl(request: web.Request) -> int:
    """The ``ttl`` argument in whole seconds, 0 when there is none. Raises Refusal."""
    text = request.query.get("ttl")
    if text is None:
        return 0
    try:
        ttl = float(text)
    except ValueError:
        raise invalid("invalid argument ttl: should be a number") from None
    if not 0 < ttl <= _LONGEST_TTL_S:
        raise invalid("invalid argument ttl: should be a number of seconds greater than 0")
    return math.ceil(ttl)


def _condition(request: web.Request) -> int:
    """``If-Match`` and ``If-None-Match`` as the service layer takes them. Raises Refusal."""
    if request.headers.get("If-None-Match", "").strip() == "*":
        return ONLY_IF_NEW
    text = request.headers.get("If-Match", "").strip()
    if not text:
        return 0
    if text == "*":
        return ONLY_IF_THERE
    found = re.fullmatch(r'"?([1-9]\d{0,18})"?', text)
    if found is None:
        raise invalid(f"invalid header If-Match: expected a modifiedIndex or *, came {text!r}")
    return int(found[1])
