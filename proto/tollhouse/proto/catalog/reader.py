"""Reads the bundled table: price, context window and abilities of a model, by vendor type and name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec
from tollhouse.proto.catalog.families import family
from tollhouse.proto.catalog.rates import PriceTable, Rates

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


_Numbers = list[int | None]
_Tiers = list[tuple[int, _Numbers]]


class _Dated(msgspec.Struct, array_like=True):
    """As ``generate`` writes it."""

    since: str
    base: _Numbers
    tiers: _Tiers = []
    searches: int = 0
    services: dict[str, tuple[_Numbers, _Tiers]] = {}


class _Row(msgspec.Struct, array_like=True):
    id: str
    match: list[Any]
    context_window: int
    prices: list[_Dated]


class _File(msgspec.Struct):
    source: str
    version: str
    vendors: dict[str, list[_Row]]


@cache
def _file() -> _File:
    return msgspec.json.decode(Path(__file__).with_name("known_models.json").read_bytes(), type=_File)


def source() -> str:
    """The table's origin and version, as it stands in listings and usage records."""
    file = _file()
    return f"{file.source} {file.version}"


def lookup(provider_type: str, model: str, on: date | None = None) -> KnownModel:
    """What is known; everything may be unknown, a KnownModel always comes back. ``on``: the day whose prices count,
    today when not given. Dated names (``gpt-4o-2024-08-06``) are found by their family when not listed themselves."""
    return _lookup(provider_type, model.lower(), (on or datetime.now(UTC).date()).isoformat())


@lru_cache(maxsize=4096)
def _lookup(provider_type: str, model: str, day: str) -> KnownModel:
    facts = family(model)
    row = _find(provider_type, model)
    if row is None:
        stripped = _DATED.sub("", model)
        row = _find(provider_type, stripped) if stripped != model else None
    if row is None:
        return KnownModel(model, None, facts.context_window, facts.max_output, facts.has, facts.lacks)
    window = row.context_window or facts.context_window
    return KnownModel(row.id, _price(row, day), window, facts.max_output, facts.has, facts.lacks)


def _find(provider_type: str, model: str) -> _Row | None:
    vendors = _file().vendors
    for vendor in _VENDORS.get(provider_type, (provider_type,)):
        for row in vendors.get(vendor, ()):
            if row.id.lower() == model:
                return row
        for row in vendors.get(vendor, ()):
            if _matches(row.match, model):
                return row
    return None


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda model, operand: model == operand,
    "^": lambda model, operand: model.startswith(operand),
    "$": lambda model, operand: model.endswith(operand),
    "*": lambda model, operand: operand in model,
    "~": lambda model, operand: re.search(operand, model) is not None,
}


def _matches(rule: list[Any], model: str) -> bool:
    operator, *operands = rule
    if operator == "|":
        return any(_matches(operand, model) for operand in operands)
    if operator == "&":
        return all(_matches(operand, model) for operand in operands)
    operand = operands[0]
    return _OPERATORS[operator](model, operand if operator == "~" else operand.lower())


def _price(row: _Row, day: str) -> PriceTable | None:
    chosen = None
    for one in row.prices:
        if one.since <= day:
            chosen = one
    if chosen is None:
        return None
    origin = source()
    services = tuple(
        (name, PriceTable(_rates(base), _tiers(tiers), origin, search=chosen.searches))
        for name, (base, tiers) in chosen.services.items()
    )
    return PriceTable(_rates(chosen.base), _tiers(chosen.tiers), origin, services=services, search=chosen.searches)


def _tiers(tiers: _Tiers) -> tuple[tuple[int, Rates], ...]:
    return tuple((start, _rates(values)) for start, values in tiers)


def _rates(values: _Numbers) -> Rates:
    return Rates.of(*values) if len(values) > 1 else Rates.of(values[0] or 0, 0)
