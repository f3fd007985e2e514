"""What tokens are worth that stand in a report and not in the ledger, or the other way round: what such tokens cost.

The configured price of the day (a provider's own, over the published table) says what a kind of token costs beside
another; what the day's attempts were charged says how much that is. So discounts, service tiers, long contexts and
prices that were others then are in it, by whatever version of them the records were charged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from pydantic import ValidationError
from tollhouse.controlplane.ledger.comparing import Side, value_of
from tollhouse.proto.catalog import Rates, lookup
from tollhouse.proto.catalog.merging import UNKNOWN_PRICE, merge_price, price_for
from tollhouse.proto.resources.price import Price

RatesOf = Callable[[str, str, date], Rates | None]
"""Provider (its id, or a vendor's type), model, day -> what its tokens cost."""

_PROPORTIONS = UNKNOWN_PRICE["estimate"].base
"""Of a model whose price nobody knows, though it was charged."""
_ROUNDING = 1_000_000
"""One part of it is as good as none."""


def published_rates(provider: str, model: str, day: date) -> Rates | None:
    """Of the published table alone."""
    price = lookup(provider, model, day).price
    return price.base if price is not None else None


def configured_rates(providers: Iterable[tuple[str, Mapping[str, Any]]]) -> RatesOf:
    """Of the published table, with what providers (id, object) have of their own."""
    known = {name: (value["type"], _own(value)) for name, value in providers}

    def rates_of(provider: str, model: str, day: date) -> Rates | None:
        kind, own = known.get(provider, (provider, {}))
        price = merge_price(price_for(model, own), lookup(kind, model, day).price)
        return price.base if price is not None else None

    return rates_of


def _own(value: Mapping[str, Any]) -> dict[str, Price]:
    try:
        return {model: Price.model_validate(price) for model, price in (value.get("prices") or {}).items()}
    except ValidationError:
        return {}


def as_charged(rates: Rates | None, here: Side | None) -> tuple[Rates | None, str]:
    """The rates at which the ledger's attempts of a bucket were charged, and what is to be noted about that."""
    if here is None or not here.told_nano:
        return rates, ""
    by = rates if rates is not None else _PROPORTIONS
    expected = value_of(here.told_tokens, by)
    if not expected or abs(here.told_nano - expected) * _ROUNDING <= max(expected, _ROUNDING * here.told):
        return by, ""
    scaled = [getattr(by, one.name) * here.told_nano // expected for one in fields(by) if one.init]
    share = 100 * here.told_nano / expected
    than = "the configured prices" if rates is not None else "the estimate"
    return Rates.of(*scaled), f"valued at what its attempts of the day were charged: {share:.4g} % of {than}"
