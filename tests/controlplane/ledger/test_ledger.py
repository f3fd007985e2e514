"""The ledger in SQLite and PostgreSQL: each record once, sums that agree with the records, old ones deleted."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tollhouse.controlplane.ledger import schema
from tollhouse.controlplane.ledger.answers import BadQuestion, Question, Row, total
from tollhouse.controlplane.ledger.database import database_url, open_engine
from tollhouse.controlplane.ledger.intake import Intake
from tollhouse.controlplane.ledger.keeping import delete_old
from tollhouse.controlplane.ledger.ledger import Ledger, LedgerUnavailable

from tests.support.ledgers import HOUR, NOW, record
from tests.support.postgres_server import PostgresServer


async def rows(ledger: Ledger, *by: str, **asked: Any) -> list[Row]:
    return await ledger.spend(Question(by, **asked))


async def test_a_record_that_comes_again_is_stored_once(ledger: Ledger) -> None:
    """In one batch, in the next, and in batches at the same time."""
    assert await ledger.store([record("a"), record("b"), record("a")]) == 2
    assert await ledger.store([record("b"), record("c")]) == 1
    again = [record(str(number)) for number in range(50)]
    stored = await asyncio.gather(*(ledger.store(again) for _ in range(4)))
    assert sum(stored) == 50
    (row,) = await rows(ledger)
    assert row.sums["attempts"] == 53
    assert row.sums["cost_nano"] == 53_000


async def test_two_control_planes_store_one_record_once(ledger: Ledger) -> None:
    """A node that went over to the other one sends again what was not acknowledged."""
    other = Intake(ledger._engine)
    batch = [record(str(number), consumer=f"c{number % 7}") for number in range(200)]
    stored = await asyncio.gather(ledger._intake.store(batch), other.store(batch))
    assert sum(stored) == 200
    assert sum(row.sums["attempts"] for row in await rows(ledger, "consumer")) == 200


async def test_sums_of_hours_and_single_records_agree(ledger: Ledger) -> None:
    """Whichever table answers."""
    await ledger.store(
        [
            record("1", session="s"),
            record("2", session="s", outcome="cut", estimated=True, cost_nano_usd=300, attempt=1),
            record("3", session="s", attempt=2, started_ms=NOW + HOUR, model="claude", cache_write_1h_tokens=9),
            record("4", consumer="other", groups=["company"], price_source="estimate", started_ms=NOW + 2 * HOUR),
        ]
    )
    by_hour = total(await rows(ledger, "consumer"))
    single = total(await rows(ledger, "consumer", "session"))
    assert by_hour == single
    assert by_hour["cost_nano"] == 3300
    assert (by_hour["estimated_nano"], by_hour["failed_nano"], by_hour["failed"]) == (300, 300, 1)
    assert (by_hour["requests"], by_hour["attempts"], by_hour["unpriced"]) == (3, 4, 1)
    assert by_hour["cache_write_tokens"] == 9


async def test_dimensions_filters_and_times(ledger: Ledger) -> None:
    """Dearest first; a group stands for those below it; hours and days are in order of time."""
    await ledger.store(
        [
            record("1"),
            record("2", consumer="big", cost_nano_usd=9000),
            record("3", groups=["other"], started_ms=NOW + HOUR),
            record("4", consumer="boss", groups=["company"], started_ms=NOW + 30 * HOUR),
            record("5", groups=["company2"], consumer="alien"),
        ]
    )
    assert [row.keys["consumer"] for row in await rows(ledger, "consumer", limit=2)] == ["big", "coder"]
    tree = await rows(ledger, "consumer", filter={"group": "company"})
    assert {row.keys["consumer"] for row in tree} == {"coder", "big", "boss"}
    hours = await rows(ledger, "hour")
    assert [row.sums["attempts"] for row in hours] == [3, 1, 1]
    assert hours[0].keys["hour"].endswith(":00Z")
    assert len(await rows(ledger, "day", from_ms=NOW, to_ms=NOW + 100 * HOUR)) >= 2
    assert total(await rows(ledger, from_ms=NOW + HOUR))["attempts"] == 2
    assert total(await rows(ledger, from_ms=NOW + 1001, to_ms=NOW + HOUR + 1001))["attempts"] == 1
    assert await rows(ledger, "model", "provider", filter={"consumer": "nobody"}) == []


async def test_a_question_that_makes_no_sense_says_what_there_is(ledger: Ledger) -> None:
    """Dimensions are named."""
    with pytest.raises(BadQuestion, match="there are consumer, group"):
        await rows(ledger, "colour")
    with pytest.raises(BadQuestion, match="cannot filter by 'hour'"):
        await rows(ledger, filter={"hour": "1"})
    with pytest.raises(BadQuestion, match="ends before"):
        await rows(ledger, from_ms=5, to_ms=5)


async def test_old_records_go_and_their_sums_stay(ledger: Ledger) -> None:
    """Retention is for single records only, and counts from when they came: what waited for weeks is not gone at once,
    and cannot be stored twice."""
    await Intake(ledger._engine, lambda: NOW / 1000).store([record("old")])
    await ledger.store([record("new")])
    assert await delete_old(ledger._engine, NOW + HOUR) == 1
    assert total(await rows(ledger))["attempts"] == 2
    assert total(await rows(ledger, "session"))["attempts"] == 1


async def test_a_clock_that_is_ahead_does_not_hide_records_in_the_future(ledger: Ledger) -> None:
    """A node's clock jumped: what it tells is booked when it comes, and is neither deleted early nor kept for ever."""
    await Intake(ledger._engine, lambda: NOW / 1000).store([record("a", started_ms=NOW + 9000 * HOUR)])
    await Intake(ledger._engine, lambda: NOW / 1000).store([record("b", started_ms=1000)])
    assert [row.keys["hour"][:4] for row in await rows(ledger, "hour")] == ["1970", "2026"]
    assert await delete_old(ledger._engine, NOW - HOUR) == 0
    assert await delete_old(ledger._engine, NOW + HOUR) == 2


async def test_a_ledger_is_opened_again_and_a_newer_one_is_refused(ledger: Ledger) -> None:
    """Migrations run once; a program too old for the tables does not touch them."""
    await ledger.store([record("a")])
    async with ledger._engine.begin() as connection:
        await connection.run_sync(schema.migrate)
        assert await connection.scalar(select(schema.version.c.version)) == len(schema.MIGRATIONS)
        assert await connection.scalar(select(func.count()).select_from(schema.records)) == 1
        await connection.execute(schema.version.update().values(version=99))
    with pytest.raises(ValueError, match="update it first"):
        async with ledger._engine.begin() as connection:
            await connection.run_sync(schema.migrate)


async def test_a_database_that_is_down_is_said_and_tried_again(postgres: PostgresServer, tmp_path: Path) -> None:
    """Nothing is acknowledged; the address with its password is not in the words."""
    made = Ledger("postgresql://u:secret-word@127.0.0.1:1/x", keep_days=1)
    await made.start()
    with pytest.raises(LedgerUnavailable) as error:
        await made.store([record("a")])
    assert "secret-word" not in str(error.value)
    await made.close()


def test_a_place_that_cannot_be_is_said_with_the_remedy(tmp_path: Path) -> None:
    """A service may run where nothing can be written."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="name another file, or none"):
        open_engine(database_url(str(tmp_path / "file" / "ledger.sqlite")))


def test_addresses_of_databases() -> None:
    """A file, SQLite, PostgreSQL; others are refused by name."""
    assert database_url("a/b.sqlite").drivername == "sqlite+aiosqlite"
    assert database_url("postgres://h/d").drivername == "postgresql+asyncpg"
    with pytest.raises(ValueError, match="mysql is not offered"):
        database_url("mysql://h/d")
    assert open_engine(database_url("postgresql://h/d")).dialect.name == "postgresql"
