"""The ledger of a control plane: opened when the database can be reached, and tried again until it can."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from tollhouse.controlplane.ledger import answers
from tollhouse.controlplane.ledger.corrections import corrections
from tollhouse.controlplane.ledger.counts import Counted, read_counts
from tollhouse.controlplane.ledger.database import database_url, migrate, open_engine
from tollhouse.controlplane.ledger.export import check, export
from tollhouse.controlplane.ledger.forecast import Forecast, forecast
from tollhouse.controlplane.ledger.intake import Intake
from tollhouse.controlplane.ledger.keeping import keep_house
from tollhouse.controlplane.ledger.ranking import Ranking, top
from tollhouse.controlplane.ledger.reconciling import Options, Reconciled, reconcile
from tollhouse.controlplane.ledger.requests import Asked, find_request, list_requests
from tollhouse.controlplane.ledger.valuing import RatesOf

T = TypeVar("T")

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
        self.prices: Callable[[], Awaitable[RatesOf]] | None = None
        """What tokens cost as configured, where that is known."""
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
        return await self._asked(self._intake.store(batch))

    async def spend(self, question: answers.Question) -> list[answers.Row]:
        """The rows alone. Raises LedgerUnavailable and ``answers.BadQuestion``."""
        return await self._asked(answers.spend(self._engine, question))

    async def answer(self, question: answers.Question) -> tuple[list[answers.Row], answers.Row]:
        """Rows and total. Raises LedgerUnavailable and ``answers.BadQuestion``."""
        return await self._asked(answers.answer(self._engine, question))

    async def top(self, by: str, question: answers.Question) -> Ranking:
        """The dearest values of a dimension. Raises LedgerUnavailable and ``answers.BadQuestion``."""
        return await self._asked(top(self._engine, by, question, self._now_ms()))

    async def forecast(self, period: str, zone: str, question: answers.Question) -> Forecast:
        """Where the running period will end. Raises LedgerUnavailable and ``answers.BadQuestion``."""
        return await self._asked(forecast(self._engine, period or "month", zone, question, self._now_ms()))

    async def export(self, what: str, form: str, question: answers.Question) -> AsyncIterator[bytes]:
        """A file in pieces. Raises LedgerUnavailable, ``answers.BadQuestion`` and ``forms.FormUnavailable``."""
        check(what, form, question)
        self._require()
        try:
            async for piece in export(self._engine, what, form, question):
                yield piece
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnavailable(_reason(error)) from None

    async def reconcile(self, files: Sequence[bytes], options: Options) -> Reconciled:
        """Compare reports, and correct if asked to. Raises LedgerUnavailable, ``BadReport`` and Refusal."""
        if options.rates_of is None and self.prices is not None:
            options = replace(options, rates_of=await self.prices())
        return await self._asked(reconcile(self._engine, self._intake, files, options, self._now_ms()))

    async def corrections(self, from_ms: int, limit: int) -> list[dict[str, Any]]:
        """Correcting entries, the newest first. Raises LedgerUnavailable."""
        return await self._asked(corrections(self._engine, from_ms, limit))

    async def requests(self, question: answers.Question, order: str, before_ms: int) -> tuple[list[Asked], int]:
        """Single requests, and where the next page begins. Raises LedgerUnavailable and ``answers.BadQuestion``."""
        return await self._asked(list_requests(self._engine, question, order, before_ms))

    async def request(self, request_id: str) -> Asked | None:
        """One request by its id. Raises LedgerUnavailable."""
        return await self._asked(find_request(self._engine, request_id))

    async def counts(self, node: str) -> AsyncIterator[Counted]:
        """What was counted on budgets. Raises LedgerUnavailable."""
        self._require()
        try:
            async for one in read_counts(self._engine, node):
                yield one
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnavailable(_reason(error)) from None

    async def _asked(self, asking: Coroutine[Any, Any, T]) -> T:
        if not self._ready.is_set():
            asking.close()
        self._require()
        try:
            return await asking
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnavailable(_reason(error)) from None

    @staticmethod
    def _now_ms() -> int:
        return int(time.time() * 1000)

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
