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
    select,
    update,
)

metadata = MetaData()

version = Table("ledger_schema", metadata, Column("version", Integer, nullable=False))

TOKENS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def _number(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, default=0)


def _text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False, default="")


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
    Index("usage_records_started", "started_ms"),
    Index("usage_records_session", "session"),
)
"""One row per attempt. ``group_path`` is ``/organisation/team/``."""

KEYS = ("hour", "consumer", "group_id", "group_path", "model", "provider", "route", "node", "outcome")
SUMS = ("cost_nano", "estimated_nano", "failed_nano", "requests", "attempts", "failed", "unpriced", *TOKENS)

hours = Table(
    "usage_hours",
    metadata,
    Column("hour", BigInteger, primary_key=True),
    *[Column(name, String(256), primary_key=True) for name in KEYS[1:]],
    *[_number(name) for name in SUMS],
)
"""Sums per hour (epoch seconds of its beginning), kept for good."""


def _first(connection: Connection) -> None:
    metadata.create_all(connection, tables=[records, hours])


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first,)
"""Step n brings a database of version n to version n + 1. Steps are only ever added."""


def migrate(connection: Connection) -> None:
    """Bring the database to the newest version. Raises ValueError for one that is newer than this program."""
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
