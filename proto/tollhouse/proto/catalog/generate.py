"""Writes ``known_models.json`` from the genai-prices package: ``python -m tollhouse.proto.catalog.generate``.

The output depends on the package's version only, never on the day: prices with a start date are all kept. A price that
depends on the time of day is written as the highest one, since a bill must not be under-estimated.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tollhouse.proto.units import usd_to_nano

VENDORS = ("anthropic", "aws", "azure", "deepseek", "google", "groq", "mistral", "openai", "openrouter", "x-ai")
"""The price table's names of the vendors we have provider types for."""

KINDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")
"""In the order of the numbers in the file."""


def main() -> None:
    """Write the file next to this module."""
    target = Path(__file__).with_name("known_models.json")
    target.write_text(render(), encoding="utf-8")


def render() -> str:
    """The file's text: one line per model, so that a diff of two versions can be read."""
    from genai_prices.data import providers

    lines = []
    for provider in sorted(providers, key=lambda item: str(item.id)):
        if provider.id in VENDORS:
            models = [row for row in map(_model, provider.models) if row is not None]
            rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in models)
            lines.append(f"{json.dumps(provider.id)}:[\n{rows}\n]")
    head = f'{{"source":"genai-prices","version":{json.dumps(version("genai-prices"))},"vendors":{{\n'
    return head + ",\n".join(lines) + "\n}}\n"


def _model(model: Any) -> list[Any] | None:
    prices = _prices(model.prices)
    if not prices:
        return None
    return [model.id, _match(model.match), model.context_window or 0, prices]


def _match(clause: Any) -> list[Any]:
    """A matching rule as a list: the operator, then its operands."""
    name = type(clause).__name__
    if name == "ClauseOr":
        return ["|", *map(_match, clause.or_)]
    if name == "ClauseAnd":
        return ["&", *map(_match, clause.and_)]
    operators = {
        "ClauseEquals": ("=", "equals"),
        "ClauseStartsWith": ("^", "starts_with"),
        "ClauseEndsWith": ("$", "ends_with"),
        "ClauseContains": ("*", "contains"),
        "ClauseRegex": ("~", "regex"),
    }
    operator, attribute = operators[name]
    return [operator, getattr(clause, attribute)]


def _prices(prices: Any) -> list[Any]:
    """``[[since, rates, [[above, rates], ...]], ...]`` in order of date; ``since`` is empty for the first."""
    conditional = prices if isinstance(prices, list) else None
    if conditional is None:
        table = _table(prices)
        return [["", *table]] if table else []
    dated: dict[str, list[Any]] = {}
    for entry in conditional:
        start = getattr(entry.constraint, "start_date", None)
        since = start.isoformat() if isinstance(start, date) else ""
        table = _table(entry.prices)
        if table and (since not in dated or dated[since][0] < table[0]):
            dated[since] = table
    return [[since, *dated[since]] for since in sorted(dated)]


def _table(price: Any) -> list[Any] | None:
    """Base rates and tiers, None for models that are not billed by tokens."""
    values = [getattr(price, kind, None) for kind in KINDS]
    if values[0] is None and values[1] is None:
        return None
    starts = sorted({tier.start for value in values for tier in getattr(value, "tiers", ())})
    return [[_at(value, 0) for value in values], [[start, [_at(value, start) for value in values]] for start in starts]]


def _at(value: Any, start: int) -> int | None:
    """Nano-USD per million tokens in the tier that begins at ``start``; None when the kind has no price of its own."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return usd_to_nano(value)
    amount = value.base
    for tier in value.tiers:
        if tier.start <= start:
            amount = tier.price
    return usd_to_nano(amount)


if __name__ == "__main__":
    main()
