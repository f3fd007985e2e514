"""What a request cost: tokens times a price vector, in integers."""

from __future__ import annotations

from tollhouse.dataplane.chat import Usage
from tollhouse.proto.catalog import PriceTable, Rates
from tollhouse.proto.units import NanoUSD

_MILLION = 1_000_000


def rates(price: PriceTable, input_tokens: int) -> Rates:
    """The rates that hold for a request of this size: a tier holds for all its tokens."""
    chosen = price.base
    for above, tier in price.tiers:
        if input_tokens > above:
            chosen = tier
    return chosen


def cost(usage: Usage, price: PriceTable) -> NanoUSD:
    """Nano-USD, rounded half up once at the end. ``input_tokens`` includes the cached and the cache-written ones."""
    plain = usage.input_tokens
    rate = rates(price, plain) if price.tiers else price.base
    total = usage.output_tokens * rate.output
    special = usage.cached_tokens + usage.cache_write_tokens + usage.cache_write_1h_tokens
    if special:
        plain = max(0, plain - special)
        total += (
            usage.cached_tokens * rate.cached
            + usage.cache_write_tokens * rate.cache_write
            + usage.cache_write_1h_tokens * rate.cache_write_1h
        )
    total += plain * rate.input
    return NanoUSD((total + _MILLION // 2) // _MILLION)


def cache_saved(usage: Usage, price: PriceTable) -> NanoUSD:
    """What the provider's cache saved: the same tokens, all read fresh, less what they cost. Negative where more was
    written to it than read from it."""
    if not (usage.cached_tokens or usage.cache_write_tokens or usage.cache_write_1h_tokens):
        return NanoUSD(0)
    fresh = Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    return NanoUSD(cost(fresh, price) - cost(usage, price))


def worst_case(input_tokens: int, max_output_tokens: int, price: PriceTable) -> NanoUSD:
    """The most a request of this size can cost: nothing cached, everything written at the dearest input rate."""
    rate = rates(price, input_tokens)
    dearest = max(rate.input, rate.cache_write, rate.cache_write_1h)
    total = input_tokens * dearest + max_output_tokens * rate.output
    return NanoUSD((total + _MILLION - 1) // _MILLION)
