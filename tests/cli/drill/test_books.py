"""What the gateway wrote down, read back."""

from __future__ import annotations

import json
from pathlib import Path

from tollhouse.cli.drill.books import Booked, booked


def test_all_attempts_of_a_call_are_counted(tmp_path: Path) -> None:
    """What was estimated is told apart; calls that reached nobody cost nothing."""
    attempts = [
        {"target": "a", "cost_usd": "0.25", "tokens": {"input": 1, "output": 0, "estimated": True}},
        {"target": "b", "cost_usd": "0.5", "tokens": {"input": 1, "output": 2}},
        {"target": "c", "failure": "connect"},
    ]
    lines = [{"start_time": 2000, "attempts": attempts}, {"start_time": 3000}]
    log = tmp_path / "calls.log"
    assert list(booked(log)) == []
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert list(booked(log)) == [Booked(2.0, 0.75, 0.25), Booked(3.0, 0.0, 0.0)]
