"""Records for tests of the ledger."""

from __future__ import annotations

from typing import Any

from tollhouse.proto.admin.v1 import spend_pb2

HOUR = 3_600_000
NOW = 1_795_000_000_000 // HOUR * HOUR
"""A whole hour: 2026-11-18T11:00Z."""


def record(name: str, **fields: Any) -> Any:
    base = {
        "started_ms": NOW + 1000,
        "attempt": 1,
        "consumer": "coder",
        "groups": ["search", "company"],
        "model": "gpt-4o",
        "provider": "openai",
        "route": "r",
        "outcome": "ok",
        "status": 200,
        "cost_nano_usd": 1000,
        "input_tokens": 10,
        "output_tokens": 5,
        "price_source": "genai-prices 0.2.3",
    }
    return spend_pb2.UsageRecord(id=name, **{**base, **fields})
