"""Sealing anew over REST: ``POST reseal``, with ``dry_run=true`` only looking."""

from __future__ import annotations

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.controlplane.service.service import Service


async def handle(service: Service, request: web.Request) -> web.Response:
    """Raises Refusal."""
    if request.method != "POST":
        raise Refusal(Fault.UNSUPPORTED, "use POST")
    done = await service.resealer.run(dry_run=request.query.get("dry_run") == "true")
    told = {"changed": done.changed, "unreadable": done.unreadable, "moved": done.moved, "revision": done.revision}
    return answers.answer(200, told)
