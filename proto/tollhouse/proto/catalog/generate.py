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

KINDS = (
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
    "output_reasoning_mtok",
    "input_audio_mtok",
    "output_audio_mtok",
    "cache_audio_read_mtok",
    "input_image_mtok",
    "output_image_mtok",
    "cache_image_read_mtok",
)
"""In the order of the numbers in the file (and of ``Rates.of``); numbers at the end that are not known are left out."""

SEARCHES = "web_searches_kcount"
UNITS = (("input_audio_hours", Decimal(1_000_000) / 3600), ("input_mchars", Decimal(1)))
"""What is not billed by tokens: seconds of audio read, characters spoken; and how many of the table's units make a
million of ours."""


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
    prices = _prices(model)
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


def _prices(model: Any) -> list[Any]:
    """``[[since, rates, [[above, rates], ...], per 1000 searches, {service tier: [rates, tiers]}, [per million seconds,
    per million characters]], ...]`` in order of date; ``since`` is empty for the first."""
    dated: dict[str, list[Any]] = {}
    variants = [(name, one) for one in model.price_variants or () if (name := _service(one.when))]
    for entry in model.prices if isinstance(model.prices, list) else ():
        since = _since(entry.constraint)
        values = _values(entry.prices)
        if values and (since not in dated or (dated[since][0] or 0) < (values[0] or 0)):
            dated[since] = values
    if not isinstance(model.prices, list) and (values := _values(model.prices)):
        dated[""] = values
    if not dated:
        return []
    days = sorted({*dated, *(_since(one.constraint) for _, one in variants)})
    rows = []
    for day in days:
        known = [since for since in dated if since <= day]
        if known:
            rows.append([day, *_row(dated[max(known)], variants, day)])
    return rows


def _row(values: list[Any], variants: list[tuple[str, Any]], day: str) -> list[Any]:
    services: dict[str, list[Any]] = {}
    for name, one in variants:
        if _since(one.constraint) <= day:  # the first that gives a kind counts
            own = services.setdefault(name, [None] * len(KINDS))
            given = [getattr(one.prices, kind, None) for kind in KINDS]
            services[name] = [new if old is None else old for old, new in zip(own, given, strict=True)]
    priced = {
        name: _table([base if own is None else own for own, base in zip(given, values[: len(KINDS)], strict=True)])
        for name, given in sorted(services.items())
        if any(one is not None for one in given)
    }
    searches, units = values[len(KINDS) :]
    row = [*_table(values[: len(KINDS)]), usd_to_nano(searches) if isinstance(searches, Decimal) else 0, priced]
    if any(units):
        return [*row, units]
    while not row[-1] and len(row) > 2:
        row.pop()
    return row


def _service(when: Any) -> str:
    """How our records name the service tier a variant is of; empty for what does not depend on one."""
    (name, value), *more = when.items()
    if more or name not in ("processing", "service_tier", "speed") or value == "default":
        return ""
    return str(value)


def _since(constraint: Any) -> str:
    start = getattr(constraint, "start_date", None)
    return start.isoformat() if isinstance(start, date) else ""


def _values(price: Any) -> list[Any] | None:
    """The prices of the kinds, of searches, and of units; None for models that are billed by nothing we count."""
    values = [getattr(price, kind, None) for kind in KINDS]
    units = [_per_million(getattr(price, name, None), factor) for name, factor in UNITS]
    if values[0] is None and values[1] is None and not any(units):
        return None
    return [*values, getattr(price, SEARCHES, None), units]


def _per_million(value: Any, factor: Decimal) -> int:
    return int((value * factor * 1_000_000_000).to_integral_value()) if isinstance(value, Decimal) else 0


def _table(values: list[Any]) -> list[Any]:
    """Base rates and tiers."""
    starts = sorted({tier.start for value in values for tier in getattr(value, "tiers", ())})
    return [_rates(values, 0), [[start, _rates(values, start)] for start in starts]]


def _rates(values: list[Any], start: int) -> list[int | None]:
    rates = [_at(value, start) for value in values]
    while rates and rates[-1] is None:
        rates.pop()
    return rates


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
