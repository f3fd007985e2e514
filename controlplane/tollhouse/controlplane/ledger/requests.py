"""Single requests: which ones a sum is made of, and everything the ledger knows of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tollhouse.controlplane.ledger.answers import BadQuestion, Question, conditions
from tollhouse.controlplane.ledger.schema import records

MOST = 500
SPAN_MS = 3_600_000
"""No request lasts longer; its attempts are looked for that near to the one that was found."""

ORDERS = {
    "newest": (records.c.started_ms.desc(),),
    "dearest": (records.c.cost_nano.desc(), records.c.started_ms.desc()),
    "slowest": ((records.c.ended_ms - records.c.started_ms).desc(), records.c.started_ms.desc()),
}


@dataclass(frozen=True)
class Asked:
    """One request: what is the same for all of its attempts, and these, first to last; corrections at the end."""

    id: str
    attempts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def cost_nano(self) -> int:
        """All attempts and corrections together."""
        return sum(int(one["cost_nano"]) for one in self.attempts)


async def list_requests(
    engine: AsyncEngine, question: Question, order: str = "newest", before_ms: int = 0
) -> tuple[list[Asked], int]:
    """Requests with an attempt the question is about, and the ``before_ms`` of the next page (0: there is none, or the
    order is not by time). Raises BadQuestion and SQLAlchemyError."""
    question.check()
    if order not in ORDERS:
        raise BadQuestion(f"cannot order by {order!r}; there are {', '.join(ORDERS)}")
    limit = min(question.limit or 100, MOST)
    if before_ms:
        if order != "newest":
            raise BadQuestion("before: pages are only in the order newest")
        question = replace(question, to_ms=min(question.to_ms or before_ms, before_ms))
    async with engine.connect() as connection:
        where = conditions(question, True, engine.dialect.name == "postgresql")
        wanted = select(records.c.request, records.c.started_ms).where(records.c.attempt > 0, *where)
        found = (await connection.execute(wanted.order_by(*ORDERS[order]).limit(limit))).all()
        if not found:
            return [], 0
        ids = list(dict.fromkeys(str(row.request) for row in found))
        times = [int(row.started_ms) for row in found]
        rows = await _attempts(connection, ids, min(times), max(times))
    following = times[-1] if order == "newest" and len(found) == limit else 0
    return _grouped(ids, rows), following


async def find_request(engine: AsyncEngine, request_id: str) -> Asked | None:
    """One request by its id. Raises SQLAlchemyError."""
    async with engine.connect() as connection:
        found = await connection.execute(select(records).where(records.c.request == request_id))
        rows = found.mappings().all()
    return _grouped([request_id], rows)[0] if rows else None


async def _attempts(connection: AsyncConnection, ids: list[str], first_ms: int, last_ms: int) -> Sequence[RowMapping]:
    near = records.c.started_ms.between(first_ms - SPAN_MS, last_ms + SPAN_MS)
    return (await connection.execute(select(records).where(records.c.request.in_(ids), near))).mappings().all()


def _grouped(ids: list[str], rows: Sequence[RowMapping]) -> list[Asked]:
    made = {one: Asked(one) for one in ids}
    for row in sorted(rows, key=lambda one: (one["attempt"] or 1 << 15, one["started_ms"])):
        made[row["request"]].attempts.append(dict(row))
    return list(made.values())
