"""What a notifier is sent: bodies and signatures. Pure."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import msgspec
from tollhouse.dataplane.spending import Alert, Crossing
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


def alert_event(alert: Alert, node: str, at: float, delivery: str = "") -> dict[str, Any]:
    """Anything else as an event."""
    what = f"{alert.event}\0{alert.subject}\0{int(at)}\0{node}"
    return {
        **alert.details,
        "event": alert.event,
        "delivery": delivery or hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:24],
        "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "node": node,
        "subject": alert.subject,
        "budget": alert.budget,
        "text": alert.text,
    }


def rendered(
    kind: str, event: dict[str, Any], secret: str, at: float, routing_key: str = ""
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of the post. The signature is ``t=<epoch>,v1=<hex>`` over ``<epoch>.<body>``."""
    headers = {"content-type": "application/json", EVENT: str(event["event"]), DELIVERY: str(event["delivery"])}
    if kind == "slack":
        return msgspec.json.encode({"text": said(event)}), headers
    if kind == "pagerduty":
        return msgspec.json.encode(incident(event, routing_key)), headers
    body = msgspec.json.encode(event)
    if secret:
        moment = str(int(at))
        signed = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"t={moment},v1={signed}"
    return body, headers


def said(event: dict[str, Any]) -> str:
    """The event in a sentence, with the link to act on it."""
    return f"{event['text']} Decide: {event['link']}" if event.get("link") else str(event["text"])


def incident(event: dict[str, Any], routing_key: str) -> dict[str, Any]:
    """PagerDuty's Events API v2. One incident per budget and scope, or subject: further thresholds join it."""
    about = event.get("subject") or f"{event.get('budget', '')}|{event.get('scope', '')}"
    percent = event.get("percent", 100)
    severity = "info" if event["event"] == "test" else "critical" if percent >= 100 else "warning"
    told: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": f"tollhouse/{event['event']}/{about}"[:255],
        "payload": {
            "summary": str(event["text"])[:1024],
            "source": str(event["node"]) or "tollhouse",
            "severity": severity,
            "timestamp": event["at"],
            "component": "tollhouse",
            "class": event["event"],
            "custom_details": {key: value for key, value in event.items() if key != "link"},
        },
    }
    if event.get("link"):
        told["links"] = [{"href": event["link"], "text": "Decide"}]
    return told


def mail(event: dict[str, Any], sender: str, to: list[str]) -> EmailMessage:
    """The event as a mail. Retries have the same Message-ID, so that mailboxes can tell."""
    message = EmailMessage()
    message["Subject"] = f"[tollhouse] {str(event['text'])[:150]}".replace("\n", " ").replace("\r", " ")
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(datetime.fromisoformat(str(event["at"])))
    message["Message-ID"] = f"<{event['delivery']}@tollhouse>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [f"{key}: {value}" for key, value in event.items() if key not in ("text", "link", "delivery") and value]
    message.set_content("\n".join([said(event), "", *lines, ""]))
    return message
