"""A service with people, and a sampler that saw what they did."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest


@dataclass
class FakeService:
    """What it has by kind, and how often consumers were read."""

    consumers: list[dict[str, Any]] = field(default_factory=list)
    consumer_groups: list[dict[str, Any]] = field(default_factory=list)
    stops: list[dict[str, Any]] = field(default_factory=list)
    budgets: list[dict[str, Any]] = field(default_factory=list)
    providers: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    revision: int = 1
    reads: int = 0

    async def newest_revision(self) -> int:
        return self.revision

    async def list(self, kind: str, query: Any) -> Any:
        self.reads += kind == "consumers"
        return SimpleNamespace(objects=[SimpleNamespace(value=value) for value in getattr(self, kind)])


class FakeSampler:
    """One agent spent, and somebody whose key nobody has."""

    def table(self, dimension: str, since: float, order: str) -> list[dict[str, Any]]:
        assert time.time() - since == pytest.approx(3600, abs=5)
        return [{"name": "agent-7", "cost": 2.5, "requests": 9.0}, {"name": "key-0123456789ab", "requests": 4.0}]


def consumers(count: int) -> list[dict[str, Any]]:
    """Agents of three teams."""
    return [{"username": f"agent-{number}", "group_id": f"team-{number % 3}"} for number in range(count)]


TREE: list[dict[str, Any]] = [
    {"id": "company", "plugins": {}},
    {"id": "team-0", "parent_id": "company", "plugins": {}},
    {"id": "team-1", "parent_id": "team-0", "plugins": {}},
    {"id": "team-2", "plugins": {}},
]


def state(budget: str, key: str, unit: str = "usd", limit: int = 10**10, spent: int = 10**9) -> Any:
    """A budget as a node tells it."""
    one = SimpleNamespace(budget=budget, key=key, unit=unit, window="day", limit=limit, spent=spent, reserved=0)
    one.resets_ms, one.enforced = 0, True
    return one


class FakeNodes:
    """What nodes tell of budgets."""

    def __init__(self, *states: Any, store: str = "redis", nodes: tuple[str, ...] = ("n1",)) -> None:
        self._told = {name: SimpleNamespace(store=store, budgets=list(states)) for name in nodes}

    async def budgets(self) -> tuple[dict[str, Any], dict[str, str]]:
        return self._told, {}
