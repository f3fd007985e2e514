"""Rows of a price table: their form, which models one is of, and what is wrong with one. A table is configuration of
the whole fleet, so what could not be looked up or charged is refused before it is published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec

Numbers = list[int | None]
"""Nano-USD per million tokens, in the order of ``Rates.of``."""
Tiers = list[tuple[int, Numbers]]

_KINDS = 12
_DEAREST = 1_000_000 * 1_000_000_000
"""Nano-USD per million tokens."""


class Dated(msgspec.Struct, array_like=True):
    """What a model costs from a day on, as ``generate`` writes it."""

    since: str
    base: Numbers
    tiers: Tiers = []
    searches: int = 0
    services: dict[str, tuple[Numbers, Tiers]] = {}
    """By tier; a later program's table may have others, which nobody asks for here."""
    units: tuple[int, int] = (0, 0)


class Row(msgspec.Struct, array_like=True):
    """A model."""

    id: str
    match: list[Any]
    context_window: int
    prices: list[Dated]


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda model, operand: model == operand,
    "^": lambda model, operand: model.startswith(operand),
    "$": lambda model, operand: model.endswith(operand),
    "*": lambda model, operand: operand in model,
    "~": lambda model, operand: re.search(operand, model) is not None,
}


def matches(rule: list[Any], model: str) -> bool:
    """Whether a rule of a sound row fits a model's name (in small letters)."""
    operator, *operands = rule
    if operator == "|":
        return any(matches(operand, model) for operand in operands)
    if operator == "&":
        return all(matches(operand, model) for operand in operands)
    operand = operands[0]
    return _OPERATORS[operator](model, operand if operator == "~" else operand.lower())


def fault_of(row: Row) -> str:
    """What is wrong with it; empty: nothing."""
    fault = "" if _is_rule(row.match) else f"no rule for names: {str(row.match)[:80]}"
    if row.context_window < 0:
        fault = "a context window is 0 or more"
    before = None
    for one in row.prices:
        if one.since and not _is_day(one.since):
            fault = f"{one.since[:40]!r} is no day (2026-12-31)"
        if before is not None and one.since <= before:
            fault = "prices stand in the order of the days they begin on"
        before = one.since
        fault = fault or _price_fault(one)
    return fault


def _price_fault(one: Dated) -> str:
    if any(not 0 <= number <= _DEAREST for number in _said(one)):
        return "a price is below 0 or above a dollar a token"
    for rates, tiers in ((one.base, one.tiers), *one.services.values()):
        if any(len(values) > _KINDS for values in (rates, *(values for _, values in tiers))):
            return f"there are {_KINDS} rates at most"
        sizes = [size for size, _ in tiers]
        if sizes != sorted(set(sizes)) or any(size < 1 for size in sizes):
            return "tiers stand in the order of their sizes, each above 0"
        if not _says_something(rates) and not (rates is one.base and any(one.units)):
            return "a price that says nothing; free is [0, 0], and what nobody knows has no prices"
        if not all(_says_something(values) for _, values in tiers):
            return "a tier that says nothing"
    return ""


def _says_something(rates: Numbers) -> bool:
    return any(number is not None for number in rates)


def _said(one: Dated) -> Iterator[int]:
    yield one.searches
    yield from one.units
    for base, tiers in ((one.base, one.tiers), *one.services.values()):
        for rates in (base, *(values for _, values in tiers)):
            yield from (number for number in rates if number is not None)


def _is_rule(rule: Any) -> bool:
    if not isinstance(rule, list) or len(rule) < 2:
        return False
    operator, *operands = rule
    if operator in ("|", "&"):
        return all(_is_rule(one) for one in operands)
    if operator not in _OPERATORS or len(operands) != 1 or not isinstance(operands[0], str):
        return False
    try:
        return operator != "~" or bool(re.compile(operands[0]))
    except re.error:
        return False


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
