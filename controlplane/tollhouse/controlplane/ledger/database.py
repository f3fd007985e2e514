"""The database of the ledger: one SQLite file, or PostgreSQL. One code path for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tollhouse.controlplane.ledger import schema
from tollhouse.controlplane.ledger.postgres_tls import tls_of

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


def database_url(text: str) -> URL:
    """``ledger.sqlite``, ``sqlite:///ledger.sqlite`` or ``postgresql://...``. Raises ValueError."""
    if "://" not in text:
        return URL.create(DRIVERS["sqlite"], database=text)
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError("--ledger: that is no address of a database") from None
    driver = DRIVERS.get(url.drivername.partition("+")[0])
    if driver is None:
        raise ValueError(f"--ledger: {url.drivername} is not offered; use a file, sqlite:/// or postgresql://")
    return url.set(drivername=driver)


def open_engine(url: URL) -> AsyncEngine:
    """Connections to the database; made when first needed. Raises ValueError when a file's folder cannot be made."""
    if not url.drivername.startswith("sqlite"):
        plain, tls = tls_of(url)
        return create_async_engine(plain, pool_size=5, max_overflow=5, pool_pre_ping=True, connect_args=tls)
    if url.database:
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"--ledger: the folder {folder} cannot be made ({error.strerror}); name another file, or none"
            raise ValueError(what) from None
    engine = create_async_engine(url, connect_args={"timeout": 15})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def migrate(engine: AsyncEngine) -> None:
    """Make or update the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(schema.migrate)
