"""Agents are searched, sorted and paged by the server, with what they did and whether they may call."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from tollhouse.controlplane.console.agents import PAGE, Agents, Wanted
from tollhouse.controlplane.service.refusal import Refusal


@dataclass
class FakeService:
    """Consumers and stops, and how often they were read."""

    consumers: list[dict[str, Any]]
    stops: list[dict[str, Any]] = field(default_factory=list)
    revision: int = 1
    reads: int = 0

    async def newest_revision(self) -> int:
        return self.revision

    async def list(self, kind: str, query: Any) -> Any:
        self.reads += kind == "consumers"
        values = self.consumers if kind == "consumers" else self.stops
        return SimpleNamespace(objects=[SimpleNamespace(value=value) for value in values])


class FakeSampler:
    """One agent spent, and somebody whose key nobody has."""

    def table(self, dimension: str, since: float, order: str) -> list[dict[str, Any]]:
        assert time.time() - since == pytest.approx(3600, abs=5)
        return [{"name": "agent-7", "cost": 2.5, "requests": 9.0}, {"name": "key-0123456789ab", "requests": 4.0}]


def agents(count: int) -> tuple[Agents, FakeService]:
    values = [{"username": f"agent-{number}", "group_id": f"team-{number % 3}"} for number in range(count)]
    service = FakeService(values)
    return Agents(service, FakeSampler()), service  # type: ignore[arg-type]


async def test_pages_of_ten_thousand_are_read_once_per_revision() -> None:
    """A second page costs no reading."""
    page, service = agents(10_000)
    first = await page.show(Wanted())
    assert (len(first["list"]), first["total"], first["pages"]) == (PAGE, 10_000, 101)
    assert [row["name"] for row in first["list"][:1]] == ["agent-7"]
    assert first["groups"] == ["team-0", "team-1", "team-2"]
    await page.show(Wanted(page=2))
    assert service.reads == 1
    service.revision = 2
    await page.show(Wanted())
    assert service.reads == 2


async def test_search_group_and_order() -> None:
    """A fingerprint is listed beside the consumers; an order there is not is named."""
    page, _ = agents(30)
    found = await page.show(Wanted(search="AGENT-2", sort="name"))
    assert [row["name"] for row in found["list"]] == ["agent-2", *(f"agent-2{digit}" for digit in range(10))]
    assert (await page.show(Wanted(group="team-1")))["found"] == 10
    busiest = (await page.show(Wanted(sort="requests")))["list"]
    assert [(row["name"], row["known"]) for row in busiest[:2]] == [("agent-7", True), ("key-0123456789ab", False)]
    with pytest.raises(Refusal, match="sort"):
        await page.show(Wanted(sort="height"))
