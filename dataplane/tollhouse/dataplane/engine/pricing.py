"""What a request cost: tokens times a price vector, in integers."""

from __future__ import annotations

import msgspec
from tollhouse.dataplane.chat import Special, Usage
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
    if usage.special is not None or price.uncommon:
        return _special_cost(usage, price)
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


_ORDINARY = Special()


def _special_cost(usage: Usage, price: PriceTable) -> NanoUSD:
    """As ``cost``, for what has service tiers, audio, images, searches, or reasoning with a rate of its own."""
    special = usage.special or _ORDINARY
    table = price.service(special.tier) if special.tier else price
    units = 0
    if table.by_unit:
        units = special.audio_ms * table.second // 1000 + special.characters * table.character
        units += special.images * table.image
        if table.only_units and units:
            return NanoUSD((units + _MILLION // 2) // _MILLION)
    rate = rates(table, usage.input_tokens)
    audio = max(0, special.audio_input - special.cached_audio)
    image = max(0, special.image_input - special.cached_image)
    cached = max(0, usage.cached_tokens - special.cached_audio - special.cached_image)
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    text = max(0, usage.input_tokens - usage.cached_tokens - written - audio - image)
    thought = usage.reasoning_tokens
    said = max(0, usage.output_tokens - thought - special.audio_output - special.image_output)
    total = (
        text * rate.input
        + cached * rate.cached
        + usage.cache_write_tokens * rate.cache_write
        + usage.cache_write_1h_tokens * rate.cache_write_1h
        + audio * rate.audio_input
        + special.cached_audio * rate.cached_audio
        + image * rate.image_input
        + special.cached_image * rate.cached_image
        + said * rate.output
        + thought * rate.reasoning
        + special.audio_output * rate.audio_output
        + special.image_output * rate.image_output
        + special.web_searches * table.search * 1000
        + table.request * _MILLION
        + units
    )
    return NanoUSD((total + _MILLION // 2) // _MILLION)


def cache_saved(usage: Usage, price: PriceTable) -> NanoUSD:
    """What the provider's cache saved: the same tokens, all read fresh, less what they cost. Negative where more was
    written to it than read from it."""
    if not (usage.cached_tokens or usage.cache_write_tokens or usage.cache_write_1h_tokens):
        return NanoUSD(0)
    fresh = Usage(usage.input_tokens, 0, 0, 0, usage.output_tokens, usage.reasoning_tokens)
    if usage.special is not None:
        fresh.special = msgspec.structs.replace(usage.special, cached_audio=0, cached_image=0)
    return NanoUSD(cost(fresh, price) - cost(usage, price))


def worst_case(input_tokens: int, max_output_tokens: int, price: PriceTable) -> NanoUSD:
    """The most a request of this size can cost: nothing cached, everything written at the dearest input rate."""
    rate = rates(price, input_tokens)
    total = input_tokens * rate.dearest_input + max_output_tokens * rate.dearest_output + price.request * _MILLION
    return NanoUSD((total + _MILLION - 1) // _MILLION)
