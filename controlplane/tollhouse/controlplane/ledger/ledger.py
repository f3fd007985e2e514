"""The ledger of a control plane: opened when the database can be reached, and tried again until it can."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from tollhouse.controlplane.ledger import answers
from tollhouse.controlplane.ledger.database import database_url, migrate, open_engine
from tollhouse.controlplane.ledger.intake import Intake
from tollhouse.controlplane.ledger.keeping import keep_house

_log = logging.getLogger("tollhouse.controlplane.ledger")

RETRY_S = 2.0


class LedgerUnavailable(Exception):
    """The database cannot be reached; nothing was stored."""


class Ledger:
    """One per process."""

    def __init__(self, url: str, keep_days: int) -> None:
        self._engine = open_engine(database_url(url))
        self._intake = Intake(self._engine)
        self._keep_days = keep_days
        self._ready = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin; returns once the tables are there, or at once when the database is down. Raises ValueError for a
        ledger of a newer program."""
        if not await self._open():
            self._tasks.append(asyncio.create_task(self._open_later()))
        self._tasks.append(asyncio.create_task(keep_house(self._engine, self._keep_days)))

    async def _open(self) -> bool:
        try:
            await migrate(self._engine)
        except (SQLAlchemyError, OSError) as error:
            _log.error("the ledger's database cannot be reached: %s", _reason(error))
            return False
        self._ready.set()
        return True

    async def _open_later(self) -> None:
        while True:
            await asyncio.sleep(RETRY_S)
            if await self._open():
                return

    async def store(self, batch: Iterable[Any]) -> int:
        """Store records exactly once; how many were new. Raises LedgerUnavailable."""
        self._require()
        try:
            return await self._intake.store(batch)
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnavailable(_reason(error)) from None

    async def spend(self, question: answers.Question) -> list[answers.Row]:
        """Raises LedgerUnavailable and ``answers.BadQuestion``."""
        self._require()
        try:
            return await answers.spend(self._engine, question)
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnavailable(_reason(error)) from None

    def _require(self) -> None:
        if not self._ready.is_set():
            raise LedgerUnavailable("the ledger's database cannot be reached")

    async def close(self) -> None:
        """Let go of the database."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._engine.dispose()


def _reason(error: Exception) -> str:
    """What went wrong, without the statement and its values."""
    return str(getattr(error, "orig", None) or type(error).__name__)[:200]
