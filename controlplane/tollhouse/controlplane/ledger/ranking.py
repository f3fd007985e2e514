"""Who spends most, their share, and how that was in the time of the same length before."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncEngine
from tollhouse.controlplane.ledger.answers import HOUR_MS, BadQuestion, Question, answer, spend

USUAL_LINES = 10
USUAL_HOURS = 30 * 24


@dataclass(frozen=True)
class Line:
    """One spender."""

    key: str
    cost_nano: int
    share: float
    before_nano: int
    requests: int


@dataclass(frozen=True)
class Ranking:
    """The answer."""

    lines: list[Line]
    total_nano: int
    before_nano: int


async def top(engine: AsyncEngine, by: str, question: Question, now_ms: int) -> Ranking:
    """The dearest values of one dimension; the last 30 days when no time is given. Raises BadQuestion and
    SQLAlchemyError."""
    if by in ("hour", "day"):
        raise BadQuestion(f"by: an {by} spends nothing; name a dimension like consumer or model")
    to_ms = question.to_ms or now_ms // HOUR_MS * HOUR_MS + HOUR_MS
    from_ms = question.from_ms or to_ms - USUAL_HOURS * HOUR_MS
    asked = replace(question, group_by=(by,), from_ms=from_ms, to_ms=to_ms, limit=question.limit or USUAL_LINES)
    rows, whole = await answer(engine, asked)
    earlier = replace(asked.during(2 * from_ms - to_ms, from_ms), limit=0)
    before = {row.keys[by]: row.sums["cost_nano"] for row in await spend(engine, earlier)}
    (whole_before,) = await spend(engine, replace(earlier, group_by=()))
    total = whole.sums["cost_nano"]
    lines = [
        Line(
            row.keys[by],
            row.sums["cost_nano"],
            row.sums["cost_nano"] / total if total else 0.0,
            before.get(row.keys[by], 0),
            row.sums["requests"],
        )
        for row in rows
    ]
    return Ranking(lines, total, whole_before.sums["cost_nano"])
