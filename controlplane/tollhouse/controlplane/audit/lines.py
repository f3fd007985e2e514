"""A line of a chain as a row of the table. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

ADMIN_CHAIN = "control-plane"
"""The chain of the control planes themselves."""

NODE_KINDS = ("verdict", "permission")
KINDS = ("admin", *NODE_KINDS, "seal")

_LONGEST = 300


def row_of(chain: str, line: bytes) -> dict[str, Any]:
    """Raises ValueError for what is no line of an audit trail."""
    try:  # orjson takes nothing but UTF-8, so the line can be kept as text
        record = orjson.loads(line)
        event, seq, digest = record["event"], record["seq"], record["hash"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ValueError("no line of an audit trail") from None
    if not isinstance(event, dict) or not isinstance(seq, int) or not isinstance(digest, str) or len(digest) != 64:
        raise ValueError("no line of an audit trail")
    rule = _text(event.get("rule"))
    kind = _text(event.get("kind")) or ("permission" if rule.startswith("permission/") else "verdict")
    revision = event.get("revision", 0)
    return {
        "chain": chain[:200],
        "seq": seq,
        "at_ms": epoch_ms(event.get("time")),
        "kind": kind,
        "request_id": _text(event.get("request_id")),
        "actor": _text(event.get("actor") or event.get("consumer")),
        "address": _text(event.get("address") or event.get("client_ip")),
        "route": _text(event.get("route")),
        "model": _text(event.get("model")),
        "rule": rule,
        "action": _text(event.get("action")),
        "node": _text(event.get("node")),
        "shadow": event.get("shadow") is True,
        "revision": revision if isinstance(revision, int) else 0,
        "hash": digest,
        "line": line.decode(),
    }


def event_of(line: str) -> dict[str, Any]:
    """What happened, of a line that was stored."""
    event: dict[str, Any] = orjson.loads(line)["event"]
    return event


def epoch_ms(moment: Any) -> int:
    """Of an ISO 8601 time; 0 for anything else."""
    try:
        return int(datetime.fromisoformat(str(moment)).timestamp() * 1000)
    except ValueError:
        return 0


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
