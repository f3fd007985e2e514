"""Stores batches of records exactly once, with the sums of their hours in the same transaction."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tollhouse.controlplane.ledger.schema import KEYS, SUMS, TOKENS, hours, records

UNPRICED = frozenset({"unknown", "estimate", "free by policy"})
"""Price sources of attempts whose price nobody knows."""

_LONGEST = 256


class Intake:
    """One per process. Batches are stored one after the other: SQLite has one writer anyway."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        dialect = engine.dialect.name
        self._upsert = _upsert(postgresql.insert if dialect == "postgresql" else sqlite.insert)

    async def store(self, batch: Iterable[Any]) -> int:
        """Store records (``UsageRecord`` messages); how many were new. Raises SQLAlchemyError, and then nothing of the
        batch is stored."""
        rows = {record.id: _row(record) for record in batch}
        if not rows:
            return 0
        async with self._turn:
            for _ in range(3):
                try:
                    async with self._engine.begin() as connection:
                        return await self._store(connection, dict(rows))
                except IntegrityError:
                    continue  # another control plane stored some of them meanwhile
            async with self._engine.begin() as connection:
                return await self._store(connection, dict(rows))

    async def _store(self, connection: AsyncConnection, rows: dict[str, dict[str, Any]]) -> int:
        known = await connection.execute(select(records.c.id).where(records.c.id.in_(list(rows))))
        for row in known:
            del rows[row.id]
        if not rows:
            return 0
        await connection.execute(insert(records), list(rows.values()))
        sums: dict[tuple[Any, ...], dict[str, Any]] = {}
        for stored in rows.values():
            _add(sums, stored)
        # In one order everywhere, so that two control planes do not wait for each other in a circle.
        await connection.execute(self._upsert, [sums[key] for key in sorted(sums)])
        return len(rows)


def _upsert(make: Any) -> Any:
    statement = make(hours)
    added = {name: hours.c[name] + statement.excluded[name] for name in SUMS}
    return statement.on_conflict_do_update(index_elements=list(KEYS), set_=added)


def _row(record: Any) -> dict[str, Any]:
    groups = list(record.groups)
    return {
        "id": record.id,
        "started_ms": record.started_ms,
        "ended_ms": record.ended_ms,
        "request": record.request,
        "attempt": min(record.attempt, 32767),
        "node": record.node,
        "consumer": record.consumer[:_LONGEST],
        "group_id": groups[0] if groups else "",
        "group_path": f"/{'/'.join(reversed(groups))}/" if groups else "",
        "route": record.route,
        "asked_model": record.asked_model,
        "model": record.model[:_LONGEST],
        "provider": record.provider,
        "target": record.target,
        "session": record.session,
        "tags": json.dumps(dict(record.tags), sort_keys=True) if record.tags else "",
        "price_source": record.price_source,
        "outcome": record.outcome,
        "revision": record.revision,
        "stream": record.stream,
        "status": record.status,
        "first_byte_ms": record.first_byte_ms,
        "cost_nano": record.cost_nano_usd,
        "estimated": record.estimated,
        "input_tokens": record.input_tokens,
        "cached_tokens": record.cached_tokens,
        "cache_write_tokens": record.cache_write_tokens,
        "cache_write_1h_tokens": record.cache_write_1h_tokens,
        "output_tokens": record.output_tokens,
        "reasoning_tokens": record.reasoning_tokens,
    }


def _add(sums: dict[tuple[Any, ...], dict[str, Any]], row: dict[str, Any]) -> None:
    hour = row["started_ms"] // 3_600_000 * 3600
    key = (hour, *(row[name] for name in KEYS[1:]))
    one = sums.get(key)
    if one is None:
        one = sums[key] = {**dict(zip(KEYS, key, strict=True)), **dict.fromkeys(SUMS, 0)}
    cost = row["cost_nano"]
    failed = row["outcome"] != "ok"
    one["cost_nano"] += cost
    one["estimated_nano"] += cost if row["estimated"] else 0
    one["failed_nano"] += cost if failed else 0
    one["requests"] += row["attempt"] == 1
    one["attempts"] += 1
    one["failed"] += failed
    one["unpriced"] += row["price_source"] in UNPRICED
    for name in TOKENS:
        one[name] += row[name]
    one["cache_write_tokens"] += row["cache_write_1h_tokens"]
