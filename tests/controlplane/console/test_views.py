"""What several nodes tell is one row a target, and one a budget."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from tollhouse.controlplane.console.views import budget_views, target_views


def health(*targets: dict[str, Any]) -> Any:
    return SimpleNamespace(workers=[SimpleNamespace(targets_json=json.dumps(targets).encode())])


def test_a_target_is_as_well_as_its_workers_say() -> None:
    """Two nodes, one of which leaves it alone; what nobody used stands there with its attempts."""
    good = {"name": "gpt", "status": "healthy", "reason": "", "model": "gpt-4o", "in_flight": 1, "first_byte_ms": 10}
    bad = {**good, "status": "open", "reason": "it fails", "in_flight": 2, "first_byte_ms": 30}
    used = {"gpt": {"name": "gpt", "attempts": 5.0}, "old": {"name": "old", "attempts": 1.0}}
    first, second = target_views({"n1": health(good), "n2": health(bad)}, used)
    assert (first["workers"], first["healthy"], first["reason"], first["in_flight"]) == (2, 1, "it fails", 3)
    assert (first["first_byte_ms"], first["models"], first["attempts"]) == (20.0, ["gpt-4o"], 5.0)
    assert (second["name"], second["workers"]) == ("old", 0)


def test_counts_of_nodes_are_added_and_shared_ones_are_not() -> None:
    """Where all nodes count in one place each of them tells the same."""
    one = SimpleNamespace(budget="b", key="b", unit="usd", window="day", limit=10**10, spent=10**9, reserved=0)
    one.resets_ms, one.enforced = 0, True
    for store, spent in (("node", 2.0), ("redis", 1.0)):
        told = {name: SimpleNamespace(store=store, budgets=[one]) for name in ("n1", "n2")}
        assert [(row["limit"], row["spent"]) for row in budget_views(told)] == [(10.0, spent)]
