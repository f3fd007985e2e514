"""Deletes single records when they are old; the hourly sums stay."""

from __future__ import annotations

import asyncio
import logging
import time

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from tollhouse.controlplane.ledger.counts import forget_old
from tollhouse.controlplane.ledger.kept import forget_answers
from tollhouse.controlplane.ledger.schema import records

_log = logging.getLogger("tollhouse.controlplane.ledger")

EVERY_S = 600
AT_A_TIME = 5000
"""Rows per transaction: intake must not wait long."""


async def delete_old(engine: AsyncEngine, before_ms: int) -> int:
    """Delete records that came before a moment; how many there were."""
    deleted = 0
    while True:
        some = select(records.c.id).where(records.c.received_ms < before_ms).limit(AT_A_TIME)
        async with engine.begin() as connection:
            count = (await connection.execute(delete(records).where(records.c.id.in_(some)))).rowcount
        deleted += count
        if count < AT_A_TIME:
            return deleted
        await asyncio.sleep(0.05)


async def keep_house(engine: AsyncEngine, keep_days: int) -> None:
    """Do it now and then, for ever."""
    while True:
        try:
            before_ms = int((time.time() - keep_days * 86400) * 1000)
            deleted = await delete_old(engine, before_ms)
            await forget_answers(engine, before_ms)
            if deleted:
                _log.info("ledger: %d records older than %d days deleted, their sums stay", deleted, keep_days)
            await forget_old(engine)
        except SQLAlchemyError as error:
            _log.warning("ledger: old records not deleted: %s", type(error).__name__)
        await asyncio.sleep(EVERY_S)
