"""Older ledgers become newer ones, with what they hold."""

from pathlib import Path

import pytest
from sqlalchemy import text
from tollhouse.controlplane.ledger import schema
from tollhouse.controlplane.ledger.answers import Question
from tollhouse.controlplane.ledger.ledger import Ledger

from tests.support.ledgers import NOW, record
from tests.support.postgres_server import PostgresServer

FIRST = """
CREATE TABLE ledger_schema (version INTEGER NOT NULL);
INSERT INTO ledger_schema VALUES (1);
CREATE TABLE usage_records (id VARCHAR(80) PRIMARY KEY, started_ms BIGINT NOT NULL, ended_ms BIGINT NOT NULL,
 request TEXT NOT NULL, attempt SMALLINT NOT NULL, node TEXT NOT NULL, consumer TEXT NOT NULL, group_id TEXT NOT NULL,
 group_path TEXT NOT NULL, route TEXT NOT NULL, asked_model TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
 target TEXT NOT NULL, session TEXT NOT NULL, tags TEXT NOT NULL, price_source TEXT NOT NULL, outcome TEXT NOT NULL,
 revision BIGINT NOT NULL, stream BOOLEAN NOT NULL, status SMALLINT NOT NULL, first_byte_ms INTEGER NOT NULL,
 cost_nano BIGINT NOT NULL, estimated BOOLEAN NOT NULL, input_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL,
 cache_write_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, reasoning_tokens BIGINT NOT NULL,
 cache_write_1h_tokens BIGINT NOT NULL);
CREATE INDEX usage_records_started ON usage_records (started_ms);
CREATE INDEX usage_records_session ON usage_records (session);
CREATE TABLE usage_hours (hour BIGINT NOT NULL, consumer VARCHAR(256) NOT NULL, group_id VARCHAR(256) NOT NULL,
 group_path VARCHAR(256) NOT NULL, model VARCHAR(256) NOT NULL, provider VARCHAR(256) NOT NULL,
 route VARCHAR(256) NOT NULL, node VARCHAR(256) NOT NULL, outcome VARCHAR(256) NOT NULL, cost_nano BIGINT NOT NULL,
 estimated_nano BIGINT NOT NULL, failed_nano BIGINT NOT NULL, requests BIGINT NOT NULL, attempts BIGINT NOT NULL,
 failed BIGINT NOT NULL, unpriced BIGINT NOT NULL, input_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL,
 cache_write_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, reasoning_tokens BIGINT NOT NULL,
 PRIMARY KEY (hour, consumer, group_id, group_path, model, provider, route, node, outcome));
"""
"""The tables as the first release made them."""

ROW = (
    "INSERT INTO usage_records VALUES ('old', {ms}, {ms}, 'q', 1, 'n', 'coder', 'search', '/company/search/', 'r', "
    "'gpt-4o', 'gpt-4o', 'openai', 't', 's', '', 'config', 'ok', 7, {false}, 200, 5, 900, {false}, 3, 0, 0, 2, 0, 0)"
)
SUM = (
    "INSERT INTO usage_hours VALUES ({hour}, 'coder', 'search', '/company/search/', 'gpt-4o', 'openai', 'r', 'n', "
    "'ok', 900, 0, 0, 1, 1, 0, 0, 3, 0, 0, 2, 0)"
)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_ledger_of_the_first_release_is_brought_up_to_date(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Its records stay, new ones join them in the same sums, and what is old is deleted as it would have been."""
    url = str(tmp_path / "ledger.sqlite")
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url
    ledger = Ledger(url, keep_days=30)
    values = {"ms": NOW, "hour": NOW // 1000, "false": "FALSE" if kind == "postgresql" else "0"}
    async with ledger._engine.begin() as connection:
        for table in ("usage_records", "usage_hours", "kept_answers", "ledger_schema"):
            await connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
        for statement in (*FIRST.split(";"), ROW.format(**values), SUM.format(**values)):
            if statement.strip():
                await connection.execute(text(statement))
    await ledger.start()
    try:
        await ledger.store([record("new", cost_nano_usd=100, cache_saved_nano_usd=5, node="n")])
        for asked in ((), ("session",)):
            _, total = await ledger.answer(Question(asked))
            assert total.sums["cost_nano"] == 1000
            assert total.sums["cache_saved_nano"] == 5
        async with ledger._engine.connect() as connection:
            assert await connection.scalar(text("SELECT received_ms FROM usage_records WHERE id = 'old'")) == NOW
            assert await connection.scalar(text("SELECT version FROM ledger_schema")) == len(schema.MIGRATIONS)
    finally:
        await ledger.close()
