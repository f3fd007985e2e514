"""What nodes tell, as the console's pages show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson


def node_view(node: Any) -> dict[str, Any]:
    """A node as it registered itself."""
    fields = (
        *("id", "hostname", "version", "http_address", "grpc_address", "started_at", "workers", "workers_alive"),
        *("applied_revision", "source", "draining"),
    )
    told = {name: getattr(node, name) for name in fields}
    told["refused"] = [
        {"kind": one.kind, "id": one.id, "reason": one.reason, "kept_revision": one.kept_revision}
        for one in node.refused
    ]
    return told


def target_views(health: Mapping[str, Any], used: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per target: how many workers find it well, and what was tried on it in the last hour."""
    rows: dict[str, dict[str, Any]] = {}
    for answer in health.values():
        for worker in answer.workers:
            for one in orjson.loads(worker.targets_json or b"[]"):
                row = rows.setdefault(one["name"], _unused(one["name"]))
                row["workers"] += 1
                row["healthy"] += one["status"] == "healthy"
                row["reason"] = row["reason"] or one["reason"]
                if one.get("model") and one["model"] not in row["models"]:
                    row["models"].append(one["model"])
                row["in_flight"] += one["in_flight"]
                if one["first_byte_ms"]:
                    row["first_byte"].append(one["first_byte_ms"])
    for row in rows.values():
        known = row["first_byte"]
        row["first_byte_ms"] = round(sum(known) / len(known), 1) if known else None
    for name, row in used.items():
        rows.setdefault(name, _unused(name)).update(row)
    return [rows[name] for name in sorted(rows)]


def budget_views(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per budget and key. Counts in Redis are the same on every node; others are added up."""
    rows: dict[str, dict[str, Any]] = {}
    for answer in told.values():
        for one in answer.budgets:
            scale = 1e9 if one.unit == "usd" else 1
            row = rows.get(one.key)
            known = row is not None
            if row is None:
                row = rows[one.key] = {"budget": one.budget, "key": one.key, "unit": one.unit, "window": one.window}
                row |= {"limit": one.limit / scale, "spent": 0.0, "reserved": 0.0}
                row |= {"resets": one.resets_ms / 1000 or None, "enforced": one.enforced}
            if answer.store == "node" or not known:
                row["spent"] += one.spent / scale
                row["reserved"] += one.reserved / scale
    return sorted(rows.values(), key=lambda row: -(row["spent"] / row["limit"] if row["limit"] else 0))


def _unused(name: str) -> dict[str, Any]:
    return {"name": name, "models": [], "workers": 0, "healthy": 0, "reason": "", "in_flight": 0, "first_byte": []}
