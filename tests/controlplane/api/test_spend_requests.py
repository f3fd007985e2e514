"""Single requests over REST: money as decimal text, attempts in their order."""

from __future__ import annotations

from tollhouse.controlplane.api.spend_requests import shown
from tollhouse.controlplane.ledger.requests import Asked
from tollhouse.controlplane.ledger.schema import records


def row(**fields: object) -> dict[str, object]:
    made: dict[str, object] = {column.name: 0 if column.type.python_type is int else "" for column in records.columns}
    return {**made, **fields}


def test_a_request_is_told_with_its_last_outcome_and_the_sum_of_its_attempts() -> None:
    """A correction counts, and is no attempt."""
    failed = row(attempt=1, outcome="timeout", target="gpt", started_ms=1000, ended_ms=3000, asked_model="fast")
    answered = row(attempt=2, outcome="ok", target="claude", cost_nano=2_000_000, ended_ms=4000, input_tokens=7)
    told = shown(Asked("r", [failed, answered, row(attempt=0, cost_nano=-500_000, cause="reconciled")]))
    assert (told["request"], told["outcome"], told["target"], told["asked_model"]) == ("r", "ok", "claude", "fast")
    assert (told["at"], told["took_ms"], told["cost_usd"], told["input_tokens"]) == (1.0, 3000, "0.0015", 7)
    assert [one["attempt"] for one in told["attempts"]] == [1, 2, 0]
