"""The route's own limit on request bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.errors import ClientError

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


def require_size(ex: Exchange, limit: int) -> None:
    """Raises 413 when the body is larger than ``limit`` bytes."""
    size = len(ex.body or b"")
    if size > limit:
        raise ClientError(
            413,
            "request_too_large",
            f"The request body has {size} bytes; this route takes at most {limit} (max_req_body_size).",
            apisix_body={"message": f"request body is larger than {limit} bytes"},
        )
