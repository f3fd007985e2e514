"""Stores batches of records exactly once, with the sums of their hours in the same transaction."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tollhouse.controlplane.ledger.corrections import FIGURES
from tollhouse.controlplane.ledger.counts import CountSums, OfRecord, counts_by_id
from tollhouse.controlplane.ledger.kept import Kept, kept_by_id, settle
from tollhouse.controlplane.ledger.schema import KEYS, SPECIAL_TOKENS, SUMS, TOKENS, hours, records
from tollhouse.controlplane.ledger.sums import of_row

_log = logging.getLogger("tollhouse.controlplane.ledger")

AHEAD_MS = 300_000
"""A record that began later than this from now comes of a clock that is wrong; it is booked when it comes."""

_LONGEST = 256
_NUMBERS = (*TOKENS, "cache_write_1h_tokens", *SPECIAL_TOKENS, "web_searches")


class Intake:
    """One per process. Batches are stored one after the other: SQLite has one writer anyway."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._turn = asyncio.Lock()
        dialect = engine.dialect.name
        self._upsert = _upsert(postgresql.insert if dialect == "postgresql" else sqlite.insert)
        self._counts = CountSums(dialect)

    async def store(self, batch: Iterable[Any]) -> int:
        """Store records (``UsageRecord`` messages); how many were new. Raises SQLAlchemyError, and then nothing of the
        batch is stored."""
        now_ms = int(self._clock() * 1000)
        batch = list(batch)
        return await self.book([_row(record, now_ms) for record in batch], counts_by_id(batch), kept_by_id(batch))

    async def book(
        self,
        entries: Iterable[dict[str, Any]],
        counted: Mapping[str, OfRecord] = MappingProxyType({}),
        kept: Mapping[str, Kept] = MappingProxyType({}),
    ) -> int:
        """Store entries that have all their columns, each id once, and what they came to on budgets; how many were new.
        ``kept``: those of answers that are charged once. Raises SQLAlchemyError."""
        rows = {entry["id"]: entry for entry in entries}
        if not rows:
            return 0
        async with self._turn:
            for _ in range(3):
                try:
                    async with self._engine.begin() as connection:
                        return await self._store(connection, _copied(rows, kept), counted, kept)
                except IntegrityError:
                    continue  # another control plane stored some of them meanwhile
            async with self._engine.begin() as connection:
                return await self._store(connection, _copied(rows, kept), counted, kept)

    async def _store(
        self,
        connection: AsyncConnection,
        rows: dict[str, dict[str, Any]],
        counted: Mapping[str, OfRecord],
        kept: Mapping[str, Kept],
    ) -> int:
        known = await connection.execute(select(records.c.id).where(records.c.id.in_(list(rows))))
        for row in known:
            del rows[row.id]
        if not rows:
            return 0
        new = len(rows)
        charged = set(rows)
        if kept:
            booked = await settle(connection, rows, kept, int(self._clock() * 1000))
            charged = {name for name in rows if name not in kept or any(rows[name][one] for one in FIGURES)}
            rows.update((entry["id"], entry) for entry in booked)
        await connection.execute(insert(records), list(rows.values()))
        sums: dict[tuple[Any, ...], dict[str, Any]] = {}
        for stored in rows.values():
            _add(sums, stored)
        # In one order everywhere, so that two control planes do not wait for each other in a circle.
        await connection.execute(self._upsert, [sums[key] for key in sorted(sums)])
        await self._counts.add(connection, _counts(rows, counted, charged))
        return new


def _counts(
    rows: Mapping[str, dict[str, Any]], counted: Mapping[str, OfRecord], charged: set[str]
) -> Iterator[tuple[str, Iterable[Any]]]:
    """By node, of new rows."""
    for name, of in counted.items():
        if name in rows:
            yield rows[name]["node"], of.always
            if name in charged:
                yield rows[name]["node"], of.if_charged


def _copied(rows: dict[str, dict[str, Any]], kept: Mapping[str, Kept]) -> dict[str, dict[str, Any]]:
    """What settling may change is a copy: the transaction may have to be made again."""
    return {name: dict(row) if name in kept else row for name, row in rows.items()}


def _upsert(make: Any) -> Any:
    statement = make(hours)
    added = {name: hours.c[name] + statement.excluded[name] for name in SUMS}
    return statement.on_conflict_do_update(index_elements=list(KEYS), set_=added)


def _row(record: Any, now_ms: int) -> dict[str, Any]:
    groups = list(record.groups)
    started_ms = record.started_ms
    if started_ms > now_ms + AHEAD_MS:
        _log.warning("ledger: the clock of node %r is ahead; a record is booked when it came", record.node)
        started_ms = now_ms
    return {
        "id": record.id,
        "started_ms": started_ms,
        "ended_ms": record.ended_ms,
        "received_ms": now_ms,
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
        "service_tier": record.service_tier,
        "cache_saved_nano": record.cache_saved_nano_usd,
        "routing_saved_nano": record.routing_saved_nano_usd,
        **dict.fromkeys(("corrects", "cause", "author", "reason"), ""),
        **{name: getattr(record, name) for name in _NUMBERS},
    }


def _add(sums: dict[tuple[Any, ...], dict[str, Any]], row: dict[str, Any]) -> None:
    hour = row["started_ms"] // 3_600_000 * 3600
    key = (hour, *(row[name] for name in KEYS[1:]))
    one = sums.get(key)
    if one is None:
        one = sums[key] = {**dict(zip(KEYS, key, strict=True)), **dict.fromkeys(SUMS, 0)}
    for name, value in of_row(row).items():
        one[name] += value
