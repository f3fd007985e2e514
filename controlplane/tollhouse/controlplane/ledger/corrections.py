"""Corrections are entries of their own: nothing that was booked is ever changed.

A record whose figures turn out to be others gets two: one that takes the old figures away, and one with the new ones.
A difference that no single record explains gets one, for its day, model and provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from tollhouse.controlplane.ledger.schema import SAVED, SPECIAL_TOKENS, TOKENS, records

FIGURES = ("cost_nano", *TOKENS, "cache_write_1h_tokens", *SPECIAL_TOKENS, "web_searches", *SAVED)
USUAL_LINES = 100


@dataclass(frozen=True)
class Why:
    """Who corrects, and for what reason."""

    cause: str
    author: str
    reason: str
    now_ms: int


def of_record(record: Mapping[str, Any], truth: Mapping[str, int], why: Why, name: str) -> list[dict[str, Any]]:
    """Entries after which the record has the figures of ``truth`` (those not given stay) and is no estimate. ``name``
    makes their ids: the same correction asked for twice is made once."""
    base = {
        **{column.name: record[column.name] for column in records.columns},
        "attempt": -abs(record["attempt"]),
        "corrects": record["id"],
        **_why(why),
    }
    away = {**base, "id": f"{name}-", **{figure: -record[figure] for figure in FIGURES}}
    anew = {**base, "id": f"{name}+", "estimated": False, **{figure: record[figure] for figure in FIGURES}, **truth}
    return [away, anew]


def of_difference(
    day_ms: int, provider: str, model: str, figures: Mapping[str, int], why: Why, name: str
) -> dict[str, Any]:
    """An entry for what no single record explains; nobody's in particular."""
    empty = {column.name: "" for column in records.columns}
    return {
        **empty,
        **dict.fromkeys(("revision", "status", "first_byte_ms", "attempt"), 0),
        **dict.fromkeys(FIGURES, 0),
        "id": name,
        "started_ms": day_ms,
        "ended_ms": day_ms,
        "provider": provider,
        "model": model,
        "asked_model": model,
        "outcome": "ok",
        "price_source": "provider's report",
        "stream": False,
        "estimated": False,
        **_why(why),
        **figures,
    }


def _why(why: Why) -> dict[str, Any]:
    return {"cause": why.cause, "author": why.author[:256], "reason": why.reason[:1000], "received_ms": why.now_ms}


async def corrections(engine: AsyncEngine, from_ms: int, limit: int) -> list[dict[str, Any]]:
    """Entries that correct something, the newest first. Raises SQLAlchemyError."""
    order = (records.c.received_ms.desc(), records.c.id)
    statement = select(records).where(records.c.cause != "", records.c.received_ms >= from_ms).order_by(*order)
    async with engine.connect() as connection:
        found = await connection.execute(statement.limit(limit or USUAL_LINES))
    return [dict(row) for row in found.mappings()]
