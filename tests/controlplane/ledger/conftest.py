"""A ledger of each kind of database."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tollhouse.controlplane.ledger.ledger import Ledger

from tests.support.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """An empty one."""
    url = str(tmp_path / "deep" / "ledger.sqlite")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").url
    made = Ledger(url, keep_days=30)
    async with made._engine.begin() as connection:
        for table in ("usage_records", "usage_hours", "budget_counts", "kept_answers", "ledger_schema"):
            await connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    await made.start()
    yield made
    await made.close()
