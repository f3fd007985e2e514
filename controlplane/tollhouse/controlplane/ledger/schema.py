"""Tables of the ledger, and how older ones become these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateColumn

metadata = MetaData()

version = Table("ledger_schema", metadata, Column("version", Integer, nullable=False))

TOKENS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
SPECIAL_TOKENS = ("audio_input_tokens", "audio_output_tokens", "image_input_tokens", "image_output_tokens")
SAVED = ("cache_saved_nano", "routing_saved_nano")


def _number(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, default=0, server_default="0")


def _text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False, default="", server_default="")


records = Table(
    "usage_records",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=False),
    Column("request", Text, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    *[_text(name) for name in ("node", "consumer", "group_id", "group_path", "route", "asked_model", "model")],
    *[_text(name) for name in ("provider", "target", "session", "tags", "price_source", "outcome")],
    _number("revision"),
    Column("stream", Boolean, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("first_byte_ms", Integer, nullable=False),
    _number("cost_nano"),
    Column("estimated", Boolean, nullable=False),
    *[_number(name) for name in (*TOKENS, "cache_write_1h_tokens")],
    _number("received_ms"),
    *[_text(name) for name in ("service_tier", "corrects", "cause", "author", "reason")],
    *[_number(name) for name in (*SPECIAL_TOKENS, "web_searches", *SAVED)],
    Index("usage_records_started", "started_ms"),
    Index("usage_records_session", "session"),
    Index("usage_records_received", "received_ms"),
    Index("usage_records_request", "request"),
    Index("usage_records_cause", "cause", sqlite_where=text("cause <> ''"), postgresql_where=text("cause <> ''")),
)
"""One row per attempt, and per correction of one (``cause`` says why; its figures are what it adds, its ``attempt`` is
0). ``group_path`` is ``/organisation/team/``; ``received_ms`` is the control plane's clock."""

KEYS = ("hour", "consumer", "group_id", "group_path", "model", "provider", "route", "node", "outcome")
SUMS = (
    "cost_nano",
    "estimated_nano",
    "failed_nano",
    "retried_nano",
    "corrected_nano",
    *SAVED,
    "requests",
    "attempts",
    "failed",
    "unpriced",
    *TOKENS,
)

hours = Table(
    "usage_hours",
    metadata,
    Column("hour", BigInteger, primary_key=True),
    *[Column(name, String(256), primary_key=True) for name in KEYS[1:]],
    *[_number(name) for name in SUMS],
)
"""Sums per hour (epoch seconds of its beginning), kept for good."""

counts = Table(
    "budget_counts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("bucket", BigInteger, primary_key=True),
    Column("node", String(256), primary_key=True),
    *[_number(name) for name in ("expires", "units", "doubt")],
    Index("budget_counts_expires", "expires"),
)
"""What the records of a node came to on each budget: key and window as nodes count them."""

answers = Table(
    "kept_answers",
    metadata,
    Column("answer", String(256), primary_key=True),
    Column("record", String(80), nullable=False),
    Column("settled", Boolean, nullable=False),
    _number("made_ms"),
    Index("kept_answers_made", "made_ms"),
)
"""What providers keep, as ``provider/id``: the record it was charged by, and whether that is the truth."""


def _first(connection: Connection) -> None:
    metadata.create_all(connection, tables=[records, hours])


def _second(connection: Connection) -> None:
    """Corrections, savings, further kinds of tokens, and when a record came."""
    for table in (records, hours):
        _add_missing(connection, table)
    connection.execute(update(records).where(records.c.received_ms == 0).values(received_ms=records.c.started_ms))


def _third(connection: Connection) -> None:
    """Counts of budgets. Those of older records nobody knows."""
    metadata.create_all(connection, tables=[counts])


def _fourth(connection: Connection) -> None:
    """Answers that providers keep. Of those charged before nobody knows."""
    metadata.create_all(connection, tables=[answers])


def _add_missing(connection: Connection, table: Table) -> None:
    found = inspect(connection)
    there = {column["name"] for column in found.get_columns(table.name)}
    for column in table.columns:
        if column.name not in there:
            spelled = CreateColumn(column).compile(connection)
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {spelled}"))
    indexes = {index["name"] for index in found.get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in indexes:
            index.create(connection)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first, _second, _third, _fourth)
"""Step n brings a database of version n to version n + 1. Steps are only ever added."""

_LOCK = 7_265_101_711_108
"""Two control planes that start at the same time migrate one after the other."""


def migrate(connection: Connection) -> None:
    """Bring the database to the newest version. Raises ValueError for one that is newer than this program."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    metadata.create_all(connection, tables=[version])
    found = connection.execute(select(version.c.version)).scalar()
    if found is None:
        connection.execute(insert(version).values(version=0))
        found = 0
    if found > len(MIGRATIONS):
        raise ValueError(f"the ledger has version {found}, this program knows {len(MIGRATIONS)}: update it first")
    for step in MIGRATIONS[found:]:
        step(connection)
    connection.execute(update(version).values(version=len(MIGRATIONS)))
