"""A request as it came, as text for a log: request line, headers, body; secrets masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.records import redaction
from tollhouse.dataplane.records.log_entry import is_judged

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


def raw_request(ex: Exchange, body_limit: int) -> bytes:
    """APISIX's ``meta_format: origin``. ``body_limit``: include so many bytes of the body; 0 none."""
    known = redaction.configured_names(ex.pipeline)
    lines = [f"{ex.method} {redaction.safe_uri(ex.path, ex.query, known)} HTTP/1.1"]
    for name, value in ex.headers.items():
        lowered = name.lower()
        hidden = lowered in known or redaction.is_secret_name(lowered)
        lines.append(f"{lowered}: {redaction.MASK if hidden else value}")
    head = "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"
    if body_limit and ex.body is not None and is_judged(ex):
        return head + ex.body[:body_limit]
    return head
