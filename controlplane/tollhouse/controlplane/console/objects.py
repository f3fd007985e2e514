"""Objects of the configuration for the console: searched and paged here, whatever their number."""

from __future__ import annotations

from typing import Any

import orjson
from tollhouse.controlplane.service.listing import Query
from tollhouse.controlplane.service.objects import Shown
from tollhouse.controlplane.service.service import Service

PAGE = 100


async def show(service: Service, kind: str, search: str = "", page: int = 1) -> dict[str, Any]:
    """A page of a kind's objects, the newest first: those that hold a text anywhere. Raises Refusal."""
    every = (await service.list(kind, Query())).objects
    text = search.lower().encode()
    found = [one for one in every if not text or text in one.id.lower().encode() or text in _words(one)]
    found.sort(key=lambda one: -one.mod_revision)
    first = (max(page, 1) - 1) * PAGE
    return {
        "list": [
            {"id": one.id, "value": one.value, "revision": one.mod_revision} for one in found[first : first + PAGE]
        ],
        "found": len(found),
        "total": len(every),
        "pages": max(1, -(-len(found) // PAGE)),
    }


def _words(one: Shown) -> bytes:
    return orjson.dumps(one.value).lower()
