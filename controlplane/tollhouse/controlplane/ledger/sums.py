"""What an entry adds to each sum: once for a row in hand, once in SQL. Both say the same, a test holds them to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal
from tollhouse.controlplane.ledger.schema import SAVED, SUMS, TOKENS, records

UNPRICED = frozenset({"unknown", "estimate", "free by policy"})
"""Price sources of attempts whose price nobody knows."""


def of_row(row: Mapping[str, Any]) -> dict[str, int]:
    """Attempts count from 1; corrections have the attempt's number negated, or 0, and are no attempts themselves."""
    cost, attempt = row["cost_nano"], row["attempt"]
    failed = row["outcome"] != "ok"
    counts = attempt > 0
    sums = {
        "cost_nano": cost,
        "estimated_nano": cost if row["estimated"] else 0,
        "failed_nano": cost if failed else 0,
        "retried_nano": cost if abs(attempt) > 1 else 0,
        "corrected_nano": cost if row["cause"] else 0,
        "requests": int(attempt == 1),
        "attempts": int(counts),
        "failed": int(counts and failed),
        "unpriced": int(counts and row["price_source"] in UNPRICED),
        **{name: row[name] for name in (*TOKENS, *SAVED)},
    }
    sums["cache_write_tokens"] += row["cache_write_1h_tokens"]
    return sums


def of_records() -> list[ColumnElement[Any]]:
    """The same over single records, in the order of ``SUMS``."""
    cost, attempt = records.c.cost_nano, records.c.attempt
    failed = records.c.outcome != "ok"
    counts = attempt > 0
    made: dict[str, Any] = {
        "cost_nano": cost,
        "estimated_nano": case((records.c.estimated, cost), else_=0),
        "failed_nano": case((failed, cost), else_=0),
        "retried_nano": case((func.abs(attempt) > 1, cost), else_=0),
        "corrected_nano": case((records.c.cause != "", cost), else_=0),
        "requests": case((attempt == 1, 1), else_=0),
        "attempts": case((counts, 1), else_=literal(0)),
        "failed": case((and_(counts, failed), 1), else_=0),
        "unpriced": case((and_(counts, records.c.price_source.in_(sorted(UNPRICED))), 1), else_=0),
        **{name: records.c[name] for name in (*TOKENS, *SAVED)},
    }
    made["cache_write_tokens"] = records.c.cache_write_tokens + records.c.cache_write_1h_tokens
    return [func.sum(made[name]).label(name) for name in SUMS]
