"""Reading request bodies, bounded."""

from __future__ import annotations

from aiohttp import web
from tollhouse.controlplane.service.refusal import Refusal, invalid

MAX_BODY = 1572864
"""1.5 MiB, as APISIX; etcd takes no larger request either."""


async def read_body(request: web.Request) -> bytes:
    """The whole body. Raises Refusal for one that is too large."""
    declared = request.content_length
    if declared is not None and declared > MAX_BODY:
        raise _too_large(declared)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large(size)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(size: int) -> Refusal:
    return invalid(f"invalid request body: request size {size} is greater than the maximum size {MAX_BODY} allowed")
