"""The audit trail of a control plane: the database, opened when it can be reached, and what may be asked of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from tollhouse.controlplane.audit import checking, questions
from tollhouse.controlplane.audit.ends import WrongEnds, decode_ends, encode_ends
from tollhouse.controlplane.audit.lines import ADMIN_CHAIN, NODE_KINDS, epoch_ms, row_of
from tollhouse.controlplane.audit.schema import lines, metadata
from tollhouse.controlplane.ledger.database import database_url, open_engine
from tollhouse.controlplane.service.refusal import Refusal
from tollhouse.proto.audit_chain import ZERO, Chain, seal_key

_log = logging.getLogger("tollhouse.controlplane.audit")

RETRY_S = 2.0
_PIECE = 1000
_TURNS = 20

T = TypeVar("T")


class AuditUnavailable(Exception):
    """The database cannot be reached; nothing was stored."""


class AuditTrail:
    """One per process; several processes may share the database."""

    def __init__(self, url: str, sealing_key: str) -> None:
        self._engine = open_engine(database_url(url))
        self._key = seal_key(sealing_key)
        self._ready = asyncio.Event()
        self._opening: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self.written_down: Callable[[], Awaitable[bytes]] | None = None
        """Gives what was written down in another place of how far the chains went."""

    async def start(self) -> None:
        """Returns once the table is there, or at once when the database is down."""
        if not await self._open():
            self._opening = asyncio.create_task(self._open_later())

    async def _open(self) -> bool:
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
        except (SQLAlchemyError, OSError) as error:
            _log.error("the audit trail's database cannot be reached: %s", _reason(error))
            return False
        self._ready.set()
        return True

    async def _open_later(self) -> None:
        while True:
            await asyncio.sleep(RETRY_S)
            if await self._open():
                return

    async def close(self) -> None:
        """Let go of the database."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        await self._engine.dispose()

    # -- writing

    async def store(self, chain: str, arrived: Iterable[bytes]) -> int:
        """Keep lines of a node's chain, each once; how many were new. Raises AuditUnavailable, and ValueError for what
        is no line, or none that a node writes."""
        if chain == ADMIN_CHAIN:
            raise ValueError(f"{chain!r} is the control planes' own chain")
        rows = {row["seq"]: row for row in (row_of(chain, line) for line in arrived)}
        if not rows:
            return 0
        if any(row["kind"] not in NODE_KINDS for row in rows.values()):
            raise ValueError(f"a node brings lines of the kinds {' and '.join(NODE_KINDS)} only")

        async def write(connection: AsyncConnection) -> int:
            wanted = select(lines.c.seq).where(lines.c.chain == chain, lines.c.seq.in_(list(rows)))
            known = {row.seq for row in await connection.execute(wanted)}
            fresh = [row for seq, row in sorted(rows.items()) if seq not in known]
            if fresh:
                await connection.execute(insert(lines), fresh)
            return len(fresh)

        return await self._written(write)

    async def note(self, event: dict[str, Any]) -> None:
        """A line of the control planes' own chain; a change that is in it already is left out. Raises
        AuditUnavailable."""
        told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **event}
        revision = event.get("revision")

        async def write(connection: AsyncConnection) -> None:
            if revision:
                same = (lines.c.revision == revision) & (lines.c.at_ms == epoch_ms(told["time"]))
                known = select(lines.c.id).where(lines.c.chain == ADMIN_CHAIN, same)
                if (await connection.execute(known)).first() is not None:
                    return
            last = select(lines.c.seq, lines.c.hash).where(lines.c.chain == ADMIN_CHAIN).order_by(lines.c.seq.desc())
            found = (await connection.execute(last.limit(1))).first()
            chain = Chain(self._key, found.seq if found else 0, found.hash if found else ZERO)
            await connection.execute(insert(lines), [row_of(ADMIN_CHAIN, chain.next(told))])

        await self._written(write)

    async def _written(self, write: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        self._require()
        async with self._turn:
            for _ in range(_TURNS):
                try:
                    async with self._engine.begin() as connection:
                        return await write(connection)
                except IntegrityError:
                    continue  # another control plane was faster with that number
                except (SQLAlchemyError, OSError) as error:
                    raise AuditUnavailable(_reason(error)) from None
        raise AuditUnavailable("other control planes write all the time")

    # -- reading

    async def search(self, question: questions.Question) -> tuple[list[questions.Record], int]:
        """A page, the newest first, and where the next begins. Raises AuditUnavailable."""
        return await self._read(lambda connection: questions.search(connection, question))

    async def explain(self, request_id: str) -> tuple[list[questions.Record], questions.Record | None]:
        """What was decided about a request, and under which change. Raises AuditUnavailable."""
        return await self._read(lambda connection: questions.explain(connection, request_id))

    async def verify(self) -> checking.Checked:
        """Check everything. Raises AuditUnavailable, also when what is written down elsewhere cannot be had: a trail
        that may have been cut off is not called whole."""
        wrong, ends = "", dict[str, tuple[int, str]]()
        if self.written_down is not None:
            try:
                ends = decode_ends(await self.written_down(), self._key)
            except WrongEnds as error:
                wrong = f"what etcd says of its end does not count: {error}"
            except Refusal as error:
                raise AuditUnavailable(f"how far it went is written down in etcd: {error.text}") from None
        told = await self._read(lambda connection: checking.check(connection, self._key, ends))
        if wrong:
            told.chain(ADMIN_CHAIN).problems.append(wrong)
        return told

    def sealed(self, ends: Mapping[str, tuple[int, str]]) -> bytes:
        """What is to be written down elsewhere."""
        return encode_ends(ends, self._key)

    async def export(self, from_ms: int = 0, to_ms: int = 0) -> AsyncIterator[bytes]:
        """Lines as they were written, chain by chain, in pieces of whole lines. Raises AuditUnavailable."""
        self._require()
        statement = select(lines.c.line).order_by(lines.c.chain, lines.c.seq)
        if from_ms:
            statement = statement.where(lines.c.at_ms >= from_ms)
        if to_ms:
            statement = statement.where(lines.c.at_ms < to_ms)
        try:
            async with self._engine.connect() as connection:
                stream = await connection.stream(statement)
                async for rows in stream.scalars().partitions(_PIECE):
                    yield "".join(f"{line}\n" for line in rows).encode()
        except (SQLAlchemyError, OSError) as error:
            raise AuditUnavailable(_reason(error)) from None

    async def ends(self) -> dict[str, tuple[int, str]]:
        """The last line of each chain: number and digest. Raises AuditUnavailable."""

        async def read(connection: AsyncConnection) -> dict[str, tuple[int, str]]:
            last = select(lines.c.chain, func.max(lines.c.seq).label("seq")).group_by(lines.c.chain).subquery()
            joined = select(lines.c.chain, lines.c.seq, lines.c.hash).join(
                last, (lines.c.chain == last.c.chain) & (lines.c.seq == last.c.seq)
            )
            return {row.chain: (row.seq, row.hash) for row in await connection.execute(joined)}

        return await self._read(read)

    async def changes_since(self, at_ms: int) -> set[tuple[int, int]]:
        """Revision and time of the admin changes in the chain. Raises AuditUnavailable."""

        async def read(connection: AsyncConnection) -> set[tuple[int, int]]:
            statement = select(lines.c.revision, lines.c.at_ms).where(lines.c.kind == "admin", lines.c.at_ms >= at_ms)
            return {(row.revision, row.at_ms) for row in await connection.execute(statement)}

        return await self._read(read)

    async def _read(self, read: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        self._require()
        try:
            async with self._engine.connect() as connection:
                return await read(connection)
        except (SQLAlchemyError, OSError) as error:
            raise AuditUnavailable(_reason(error)) from None

    def _require(self) -> None:
        if not self._ready.is_set():
            raise AuditUnavailable("the audit trail's database cannot be reached")


def _reason(error: Exception) -> str:
    """What went wrong, without the statement and its values."""
    return str(getattr(error, "orig", None) or type(error).__name__)[:200]
