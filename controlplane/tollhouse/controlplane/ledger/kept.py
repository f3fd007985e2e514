"""Answers that providers keep are read often, by whatever node, and stand in the ledger once.

A reading is charged if nobody charged the answer before. Where an attempt was estimated because its answer was not seen
to its end, reading that answer brings the truth: a correction says so. Anything else costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tollhouse.controlplane.ledger.corrections import FIGURES, Why, of_record
from tollhouse.controlplane.ledger.schema import answers, records

Kept = tuple[str, str]
"""The answer with its provider, and what a record is to it: ``open``, ``read``, ``mend``."""

_LONGEST = 256


def kept_by_id(batch: list[Any]) -> dict[str, Kept]:
    """Of the few records that are about a kept answer."""
    return {
        record.id: (f"{record.provider}/{record.answer}"[:_LONGEST], record.kept)
        for record in batch
        if record.kept and record.answer
    }


async def settle(
    connection: AsyncConnection, rows: dict[str, dict[str, Any]], kept: Mapping[str, Kept], now_ms: int
) -> list[dict[str, Any]]:
    """Take the figures out of new rows that charge what was charged before; entries to book besides."""
    booked: list[dict[str, Any]] = []
    for name, (answer, state) in kept.items():
        row = rows.get(name)
        if row is None:
            continue
        wanted = select(answers).where(answers.c.answer == answer)
        known = (await connection.execute(wanted)).mappings().first()
        if known is None:
            if state == "mend":
                _empty(row)
                continue
            values = {"answer": answer, "record": name, "settled": state == "read", "made_ms": now_ms}
            await connection.execute(insert(answers).values(values))
            continue
        if not known["settled"] and state != "open":
            estimated = rows.get(known["record"]) or await _estimate(connection, known["record"])
            if estimated is None and state == "read":
                booked_anew = {"record": name, "settled": True, "made_ms": now_ms}
                await connection.execute(update(answers).where(answers.c.answer == answer).values(booked_anew))
                continue
            if estimated is not None:
                truth = {figure: row[figure] for figure in FIGURES}
                why = Why("estimate", "gateway", f"the answer was read: {answer}", now_ms)
                booked += of_record(estimated, truth, why, _name(answer))
            await connection.execute(update(answers).where(answers.c.answer == answer).values(settled=True))
        _empty(row)
    return booked


async def _estimate(connection: AsyncConnection, record: str) -> Mapping[str, Any] | None:
    """The record, unless it is gone or corrected already."""
    corrected = select(records.c.id).where(records.c.corrects == record, records.c.cause != "").limit(1)
    if (await connection.execute(corrected)).first() is not None:
        return None
    found = (await connection.execute(select(records).where(records.c.id == record))).mappings().first()
    return dict(found) if found is not None else None


def _empty(row: dict[str, Any]) -> None:
    row.update(dict.fromkeys(FIGURES, 0))


def _name(answer: str) -> str:
    return "read-" + hashlib.sha256(answer.encode()).hexdigest()[:40]


async def forget_answers(engine: AsyncEngine, before_ms: int) -> None:
    """Those whose records are deleted, too. Raises SQLAlchemyError."""
    async with engine.begin() as connection:
        await connection.execute(delete(answers).where(answers.c.made_ms < before_ms))
