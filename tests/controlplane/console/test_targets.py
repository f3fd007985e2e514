"""What several nodes tell is one row a target, with its breaker and its prices."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from tollhouse.controlplane.console.prices import PriceList
from tollhouse.controlplane.console.targets import target_views

GOOD: dict[str, Any] = {
    "name": "gpt",
    "provider": "openai",
    "model": "gpt-4o",
    "status": "healthy",
    "reason": "",
    "breaker": "closed",
    "forced": "",
    "retry_in_s": 0,
    "waiting": 0,
    "headroom": None,
    "in_flight": 1,
    "first_byte_ms": 10,
}
PRICES = PriceList({}, {})


def health(*targets: dict[str, Any]) -> Any:
    return SimpleNamespace(workers=[SimpleNamespace(worker=0, targets_json=json.dumps(targets).encode())])


def test_a_target_is_as_well_as_its_workers_say() -> None:
    """Two nodes, one of which leaves it alone; what nobody used stands there with its attempts."""
    bad = {**GOOD, "status": "unhealthy", "breaker": "open", "reason": "it fails", "in_flight": 2, "first_byte_ms": 30}
    bad |= {"retry_in_s": 9.5, "headroom": 0.2}
    used = {"gpt": {"name": "gpt", "attempts": 5.0}, "old": {"name": "old", "attempts": 1.0, "failures": 1.0}}
    first, second = target_views({"n1": health(GOOD), "n2": health(bad)}, used, [], PRICES)
    assert (first["workers"], first["healthy"], first["reason"], first["in_flight"]) == (2, 1, "it fails", 3)
    assert (first["breaker"], first["retry_in_s"], first["headroom"]) == ("open", 9.5, 0.2)
    assert (first["first_byte_ms"], first["attempts"], first["failures"]) == (20.0, 5.0, 0)
    assert [(one["model"], one["price"]["input"]) for one in first["models"]] == [("gpt-4o", 2.5)]
    assert (second["name"], second["workers"], second["failures"], second["breaker"]) == ("old", 0, 1.0, "")


def test_one_worker_with_two_models_is_one_worker() -> None:
    """Unwell when either of them is; an operator's word is told."""
    mini = {**GOOD, "model": "gpt-4o-mini", "status": "unhealthy", "breaker": "half_open", "forced": "open"}
    [row] = target_views({"n1": health(GOOD, mini)}, {}, [], PRICES)
    assert (row["workers"], row["healthy"], row["breaker"], row["forced"]) == (1, 0, "half_open", "open")
    assert [one["model"] for one in row["models"]] == ["gpt-4o", "gpt-4o-mini"]


def test_a_target_that_takes_any_model_has_those_that_were_used() -> None:
    """Of its own provider."""
    paid = ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "openai/ft:a/b"]
    [row] = target_views({"n1": health({**GOOD, "model": ""})}, {}, paid, PRICES)
    assert [one["model"] for one in row["models"]] == ["gpt-4o", "ft:a/b"]
