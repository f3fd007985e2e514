"""The table of the audit trail. A line is kept as it was written; the columns beside it are only for finding it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

FOUND_BY = ("kind", "request_id", "actor", "address", "route", "model", "rule", "action", "node")
"""Columns of text a line is found by."""

lines = Table(
    "audit_lines",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("chain", String(200), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    *[Column(name, Text, nullable=False) for name in FOUND_BY],
    Column("shadow", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("line", Text, nullable=False),
    Index("audit_lines_chain", "chain", "seq", unique=True),
    Index("audit_lines_at", "at_ms"),
    Index("audit_lines_request", "request_id"),
    sqlite_autoincrement=True,
)
"""``id`` is the order of arrival: what pages are cut by."""
