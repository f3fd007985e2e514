"""Reads price tables: price, context window and abilities of a model, by vendor type and name.

A table comes with the program; a published one (an object of the configuration, the same for all nodes) goes before it.
What the published one does not know is looked for in the bundled one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec
from tollhouse.proto.catalog.families import family
from tollhouse.proto.catalog.rates import PriceTable, Rates
from tollhouse.proto.catalog.rows import Numbers, Row, Tiers, fault_of, matches

_VENDORS: dict[str, tuple[str, ...]] = {
    "azure-openai": ("azure", "openai"),
    "bedrock": ("aws",),
    "gemini": ("google",),
    "vertex-ai": ("google",),
    "xai": ("x-ai",),
}
"""Our provider type -> the table's vendors, first match counts; a type that is not listed has its own name there."""

_DATED = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """Facts about one model; 0 and None are unknown."""

    id: str
    price: PriceTable | None
    context_window: int
    max_output: int
    has: frozenset[str]
    lacks: frozenset[str]


class Table(msgspec.Struct):
    """A whole table, as ``generate`` writes it."""

    source: str
    version: str
    vendors: dict[str, list[Row]]

    @property
    def name(self) -> str:
        """Origin and version, as it stands in listings and usage records."""
        return f"{self.source} {self.version}"

    @property
    def dates(self) -> set[str]:
        """Days on which prices begin."""
        return {one.since for rows in self.vendors.values() for row in rows for one in row.prices if one.since}


def bundled_bytes() -> bytes:
    """The table that comes with the program, as JSON."""
    return Path(__file__).with_name("known_models.json").read_bytes()


@cache
def bundled() -> Table:
    """The table that comes with the program."""
    return msgspec.json.decode(bundled_bytes(), type=Table)


_tables: tuple[Table, ...] = ()
"""Those that are published go before the bundled one."""


def parse_table(value: Mapping[str, Any]) -> Table:
    """A table in plain data. Raises ValueError that names the place."""
    try:
        table = msgspec.convert({name: value.get(name) for name in ("source", "version", "vendors")}, Table)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    for vendor, rows in table.vendors.items():
        for row in rows:
            if fault := fault_of(row):
                raise ValueError(f"vendors.{vendor}: {row.id!r}: {fault}")
    return table


def publish(table: Table | None) -> None:
    """Have everything in this process looked up in this table first; None, or the same: in the bundled one alone."""
    global _tables
    _tables = (table,) if table is not None and table != bundled() else ()
    _lookup.cache_clear()


def source() -> str:
    """Origin and version of the table that goes first."""
    return (*_tables, bundled())[0].name


def today() -> date:
    """The day whose prices count."""
    return datetime.now(UTC).date()


def changes_between(before: date, after: date) -> bool:
    """Whether some price begins after the one day and no later than the other."""
    return any(before.isoformat() < day <= after.isoformat() for one in (*_tables, bundled()) for day in one.dates)


def lookup(provider_type: str, model: str, on: date | None = None) -> KnownModel:
    """What is known; everything may be unknown, a KnownModel always comes back. ``on``: the day whose prices count,
    today when not given. Dated names (``gpt-4o-2024-08-06``) are found by their family when not listed themselves."""
    return _lookup(provider_type, model.lower(), (on or today()).isoformat())


@lru_cache(maxsize=4096)
def _lookup(provider_type: str, model: str, day: str) -> KnownModel:
    facts = family(model)
    stripped = _DATED.sub("", model)
    for table in (*_tables, bundled()):
        row = _find(table, provider_type, model)
        if row is None and stripped != model:
            row = _find(table, provider_type, stripped)
        if row is not None:
            window = row.context_window or facts.context_window
            price = _price(table, row, day)
            return KnownModel(row.id, price, window, facts.max_output, facts.has, facts.lacks)
    return KnownModel(model, None, facts.context_window, facts.max_output, facts.has, facts.lacks)


def _find(table: Table, provider_type: str, model: str) -> Row | None:
    for vendor in _VENDORS.get(provider_type, (provider_type,)):
        rows = table.vendors.get(vendor, [])
        for row in rows:
            if row.id.lower() == model:
                return row
        for row in rows:
            if matches(row.match, model):
                return row
    return None


def _price(table: Table, row: Row, day: str) -> PriceTable | None:
    chosen = None
    for one in row.prices:
        if one.since <= day:
            chosen = one
    if chosen is None:
        return None
    origin = table.name
    services = tuple(
        (name, PriceTable(_rates(base), _tiers(tiers), origin, search=chosen.searches))
        for name, (base, tiers) in chosen.services.items()
    )
    second, character = chosen.units
    return PriceTable(
        _rates(chosen.base),
        _tiers(chosen.tiers),
        origin,
        services=services,
        search=chosen.searches,
        second=second,
        character=character,
    )


def _tiers(tiers: Tiers) -> tuple[tuple[int, Rates], ...]:
    return tuple((start, _rates(values)) for start, values in tiers)


def _rates(values: Numbers) -> Rates:
    return Rates.of(*values) if len(values) > 1 else Rates.of(values[0] if values else 0, 0)
