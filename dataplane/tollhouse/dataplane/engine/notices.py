"""What a notifier is sent: bodies and signatures. Pure."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import msgspec
from tollhouse.dataplane.spending import Crossing
from tollhouse.proto.units import format_usd

SIGNATURE = "x-tollhouse-signature"
EVENT = "x-tollhouse-event"
DELIVERY = "x-tollhouse-delivery"
"""The same in every retry of an event: listeners can tell repeats by it."""


def event_of(crossing: Crossing, node: str, at: float) -> dict[str, Any]:
    """A threshold as an event."""
    show = format_usd if crossing.unit == "usd" else str
    used, limit = show(crossing.used), show(crossing.limit)
    unit = "USD" if crossing.unit == "usd" else crossing.unit
    scope = crossing.key.partition("|")[2]
    whom = f" ({scope.replace('|', ', ')})" if scope else ""
    return {
        "event": "budget_threshold",
        "delivery": delivery_of(crossing, node),
        "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "node": node,
        "budget": crossing.budget,
        "scope": scope,
        "percent": crossing.percent,
        "used": used,
        "limit": limit,
        "unit": crossing.unit,
        "text": f"Budget {crossing.budget}{whom} is at {crossing.percent} %: {used} of {limit} {unit} used or held.",
    }


def delivery_of(crossing: Crossing, node: str) -> str:
    """Names the event: one per threshold, window and node."""
    what = f"{crossing.key}\0{crossing.bucket}\0{crossing.percent}\0{node}"
    return hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def rendered(kind: str, event: dict[str, Any], secret: str, at: float) -> tuple[bytes, dict[str, str]]:
    """Body and headers of the post. The signature is ``t=<epoch>,v1=<hex>`` over ``<epoch>.<body>``."""
    headers = {"content-type": "application/json", EVENT: str(event["event"]), DELIVERY: str(event["delivery"])}
    if kind == "slack":
        return msgspec.json.encode({"text": event["text"]}), headers
    body = msgspec.json.encode(event)
    if secret:
        moment = str(int(at))
        signed = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"t={moment},v1={signed}"
    return body, headers
