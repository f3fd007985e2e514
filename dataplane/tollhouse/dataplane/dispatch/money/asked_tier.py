"""Which of a provider's service tiers a request asks for: a dearer one is reserved at what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.proto.catalog import PriceTable

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_FIELDS = frozenset({"service_tier", "serviceTier", "speed"})
"""OpenAI and Anthropic, Google, Anthropic's fast mode."""


def price_at_most(ex: Exchange, target: Target) -> PriceTable | None:
    """The prices of the dearest tier the attempt may be served in; nothing is known of a tier that an account has by
    default."""
    price = target.price
    if price is None or not price.dearer:
        return price
    document = ex.document
    said = document.those_of(_FIELDS) if document is not None else ()
    if not said and not target.options and not target.overrides:
        return price
    asked = [document.get(name) for name in said] if document is not None else []
    for given in (target.options, *target.overrides.values()):
        if isinstance(given, Mapping):
            asked += [given.get(name) for name in _FIELDS]
    for name, table in price.dearer:
        if name in asked and table.exceeds(price):
            price = table
    return price
