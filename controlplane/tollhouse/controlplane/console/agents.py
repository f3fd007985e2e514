"""Agents for the console: consumers, what each did lately, and whether it may call. Searched, sorted and paged here,
so that a browser never holds ten thousand of them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.controlplane.console.sampling import Sampler
from tollhouse.controlplane.service.listing import Query
from tollhouse.controlplane.service.refusal import invalid
from tollhouse.controlplane.service.service import Service

PAGE = 100
LATELY_S = 3600
FINGERPRINT = re.compile(r"key-[0-9a-f]{12}")
"""What callers are counted as whose key no consumer has."""

FIGURES = ("cost", "requests", "errors", "tokens")
SORTS = (*FIGURES, "name", "group")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which agents somebody wants to see."""

    search: str = ""
    group: str = ""
    sort: str = "cost"
    page: int = 1


class Agents:
    """One per process. Consumers are read again only when something was written."""

    def __init__(self, service: Service, sampler: Sampler) -> None:
        self._service = service
        self._sampler = sampler
        self._read_at_revision = -1
        self._known: list[dict[str, Any]] = []
        self._stops: list[dict[str, Any]] = []

    async def show(self, wanted: Wanted) -> dict[str, Any]:
        """A page. Raises Refusal."""
        if wanted.sort not in SORTS:
            raise invalid(f"sort: there are {', '.join(SORTS)}")
        await self._read()
        did = {row["name"]: row for row in self._sampler.table("consumer", time.time() - LATELY_S, "cost")}
        everyone = self._known + self._unknown(did)
        rows = [_with_figures(row, did) for row in everyone if _fits(row, wanted)]
        rows.sort(key=lambda row: row["name"])
        if wanted.sort != "name":
            numbers = wanted.sort in FIGURES
            rows.sort(key=lambda row: row[wanted.sort] or (0 if numbers else ""), reverse=numbers)
        first = (max(wanted.page, 1) - 1) * PAGE
        return {
            "list": rows[first : first + PAGE],
            "found": len(rows),
            "total": len(self._known),
            "pages": max(1, -(-len(rows) // PAGE)),
            "groups": sorted({row["group"] for row in self._known if row["group"]}),
            "stops": self._stops,
        }

    async def _read(self) -> None:
        revision = await self._service.newest_revision()
        if revision == self._read_at_revision:
            return
        consumers = await self._service.list("consumers", Query())
        self._stops = [item.value for item in (await self._service.list("stops", Query())).objects]
        self._known = [_agent(item.value) for item in consumers.objects]
        self._read_at_revision = revision

    def _unknown(self, did: Mapping[str, Any]) -> list[dict[str, Any]]:
        known = {row["name"] for row in self._known}
        found = [name for name in did if name not in known and FINGERPRINT.fullmatch(name)]
        return [{"name": name, "group": "", "desc": "", "plugins": [], "known": False} for name in found]


def _agent(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": value["username"],
        "group": value.get("group_id") or "",
        "desc": value.get("desc") or "",
        "plugins": sorted(value.get("plugins") or ()),
        "known": True,
    }


def _fits(row: Mapping[str, Any], wanted: Wanted) -> bool:
    if wanted.group and row["group"] != wanted.group:
        return False
    text = wanted.search.lower()
    return not text or any(text in row[name].lower() for name in ("name", "group", "desc"))


def _with_figures(row: Mapping[str, Any], did: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    figures = did.get(row["name"], {})
    return {**row, **{name: figures.get(name, 0) for name in FIGURES}}
