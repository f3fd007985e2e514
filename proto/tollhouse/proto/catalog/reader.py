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
class Rates:
    """Nano-USD per million tokens, by kind. Kinds without a price of their own cost what ``input`` costs."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0

    @classmethod
    def of(
        cls,
        input: int,
        output: int,
        cached: int | None = None,
        cache_write: int | None = None,
        cache_write_1h: int | None = None,
    ) -> Rates:
        """Fill in the kinds that have no price of their own."""
        write = input if cache_write is None else cache_write
        return cls(
            input,
            output,
            input if cached is None else cached,
            write,
            write if cache_write_1h is None else cache_write_1h,
        )


_NOTHING = Rates()


@dataclass(frozen=True, slots=True)
class PriceTable:
    """A model's rates, and where they come from. A tier holds for all tokens of a request with more input tokens."""

    base: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    """(input tokens above which the rates hold, rates), ascending."""
    source: str = ""
    """``genai-prices 0.2.3``, ``config``."""
    known: bool = True
    """False: nobody knows the price, and these rates are what its policy says instead."""

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything."""
        return not self.tiers and self.base == _NOTHING


@dataclass(frozen=True, slots=True)
class KnownModel:
    """Facts about one model; 0 and None are unknown."""

    id: str
    price: PriceTable | None
    context_window: int
    max_output: int
    has: frozenset[str]
    lacks: frozenset[str]


class _Row(msgspec.Struct, array_like=True):
    id: str
    match: list[Any]
    context_window: int
    prices: list[tuple[str, list[int | None], list[tuple[int, list[int | None]]]]]


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
    for since, base, tiers in row.prices:
        if since <= day:
            chosen = (base, tiers)
    if chosen is None:
        return None
    base, tiers = chosen
    return PriceTable(_rates(base), tuple((start, _rates(values)) for start, values in tiers), source())


def _rates(values: list[int | None]) -> Rates:
    head, out, *rest = values
    return Rates.of(head or 0, out or 0, *rest)
