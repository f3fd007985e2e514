"""Reading request bodies, bounded."""

from __future__ import annotations

import asyncio

from aiohttp import web
from tollhouse.controlplane.service.refusal import Refusal, invalid

MAX_BODY = 1572864
"""1.5 MiB, as APISIX; etcd takes no larger request either."""
LONGEST_S = 30.0
"""How long a body may take to arrive."""


async def read_body(request: web.Request) -> bytes:
    """The whole body. Raises Refusal for one that is too large."""
    declared = request.content_length
    if declared is not None and declared > MAX_BODY:
        raise _too_large(declared)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(LONGEST_S):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > MAX_BODY:
                    raise _too_large(size)
                chunks.append(chunk)
    except TimeoutError:
        raise invalid(f"invalid request body: it did not arrive within {LONGEST_S:.0f} s") from None
    return b"".join(chunks)


def _too_large(size: int) -> Refusal:
    return invalid(f"invalid request body: request size {size} is greater than the maximum size {MAX_BODY} allowed")
