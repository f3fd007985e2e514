"""Single requests of the ledger: ``GET spend/requests?consumer=coder&order=dearest`` and ``?request=ID``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.ledger.answers import Question
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.controlplane.ledger.requests import Asked
from tollhouse.controlplane.service.refusal import KeyNotFound, invalid
from tollhouse.proto.units import format_usd

ARGUMENTS = frozenset({"request", "order", "before"})

_OF_ALL = ("consumer", "group_path", "route", "session", "asked_model", "node", "revision", "stream", "tags")
_OF_ONE = ("provider", "target", "model", "outcome", "status", "estimated", "price_source", "cause", "author", "reason")
_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cached": "cached_tokens",
    "reasoning": "reasoning_tokens",
}


async def handle(ledger: Ledger, request: web.Request, question: Question) -> web.StreamResponse:
    """Raises Refusal, and what the ledger raises."""
    query = request.query
    if "request" in query:
        asked = await ledger.request(query["request"])
        if asked is None:
            raise KeyNotFound
        return answers.answer(200, shown(asked))
    before = query.get("before", "0")
    if not before.isdecimal() or len(before) > 15:
        raise invalid("before: should be the next of the page before")
    found, following = await ledger.requests(question, query.get("order", "newest"), int(before))
    return answers.answer(200, {"list": [shown(one) for one in found], "next": following})


def shown(asked: Asked) -> dict[str, Any]:
    """One request as JSON: money as decimal text."""
    first, tried = asked.attempts[0], [one for one in asked.attempts if one["attempt"]]
    last = (tried or asked.attempts)[-1]
    return {
        "request": asked.id,
        **{name: first[name] for name in _OF_ALL},
        "at": first["started_ms"] / 1000,
        "took_ms": last["ended_ms"] - first["started_ms"],
        "outcome": last["outcome"],
        "model": last["model"],
        "target": last["target"],
        "cost_usd": format_usd(asked.cost_nano),
        "input_tokens": sum(one["input_tokens"] for one in asked.attempts),
        "output_tokens": sum(one["output_tokens"] for one in asked.attempts),
        "attempts": [_attempt(one) for one in asked.attempts],
    }


def _attempt(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "attempt": row["attempt"],
        **{name: row[name] for name in _OF_ONE},
        "at": row["started_ms"] / 1000,
        "first_byte_ms": row["first_byte_ms"],
        "duration_ms": row["ended_ms"] - row["started_ms"],
        "cost_usd": format_usd(row["cost_nano"]),
        "tokens": {name: row[column] for name, column in _TOKENS.items()},
    }
