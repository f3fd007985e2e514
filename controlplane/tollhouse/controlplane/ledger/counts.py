"""What records came to on budgets, added up per budget key and window: counts of nodes are rebuilt from it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tollhouse.controlplane.ledger.schema import counts

KEPT_S = 86400
"""Windows that ended so long ago are forgotten: a node whose clock is behind may still ask for them."""
LONGEST_KEY = 1024

_KEYS = ("key", "bucket", "node")


@dataclass(frozen=True, slots=True)
class Counted:
    """One budget key in one window, by one node."""

    node: str
    key: str
    bucket: int
    expires: int
    units: int
    doubt: int


class CountSums:
    """Adds to the table."""

    def __init__(self, dialect: str) -> None:
        statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(counts)
        given = statement.excluded
        later = func.greatest if dialect == "postgresql" else func.max
        self._upsert = statement.on_conflict_do_update(
            index_elements=list(_KEYS),
            set_={
                "units": counts.c.units + given.units,
                "doubt": counts.c.doubt + given.doubt,
                "expires": later(counts.c.expires, given.expires),
            },
        )

    async def add(self, connection: AsyncConnection, of_records: Iterable[tuple[str, Iterable[Any]]]) -> None:
        """What records of nodes came to (``BudgetCount`` messages): within the transaction that stores them."""
        sums: dict[tuple[str, int, str], dict[str, Any]] = {}
        for node, counted in of_records:
            for one in counted:
                name = (one.key[:LONGEST_KEY], one.bucket, node)
                row = sums.get(name)
                if row is None:
                    row = sums[name] = {**dict(zip(_KEYS, name, strict=True)), "expires": 0, "units": 0, "doubt": 0}
                row["expires"] = max(row["expires"], one.expires)
                row["units"] += one.units
                row["doubt"] += one.doubt
        if sums:
            # In one order everywhere, so that two control planes do not wait for each other in a circle.
            await connection.execute(self._upsert, [sums[name] for name in sorted(sums)])


async def read_counts(engine: AsyncEngine, node: str) -> AsyncIterator[Counted]:
    """What is counted in windows that are not over, by one node or by each."""
    query = select(counts).where((counts.c.expires == 0) | (counts.c.expires > int(time.time())))
    if node:
        query = query.where(counts.c.node == node)
    async with engine.connect() as connection:
        async for row in await connection.stream(query):
            yield Counted(row.node, row.key, row.bucket, row.expires, row.units, row.doubt)


async def forget_old(engine: AsyncEngine) -> None:
    """Delete the counts of windows that are over."""
    before = int(time.time()) - KEPT_S
    async with engine.begin() as connection:
        await connection.execute(delete(counts).where(counts.c.expires > 0, counts.c.expires < before))


@dataclass(frozen=True, slots=True)
class OfRecord:
    """What a record came to on budgets."""

    always: Iterable[Any]
    if_charged: Iterable[Any]
    """The answer of a provider that keeps it: counted if its record is the one that is charged."""


def counts_by_id(batch: Iterable[Any]) -> Mapping[str, OfRecord]:
    """Record id -> what it came to."""
    return {
        record.id: OfRecord(record.counts, record.answer_counts)
        for record in batch
        if record.counts or record.answer_counts
    }
