"""Prices as configured, laid over what is known: the model's own, then its provider's, then the bundled table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from tollhouse.proto.catalog.rates import ESTIMATE, PriceTable, Rates
from tollhouse.proto.resources.price import Price, TieredRates, TokenRates
from tollhouse.proto.units import usd_to_nano

UNKNOWN_PRICE = {
    "estimate": PriceTable(
        ESTIMATE,
        (),
        "estimate",
        known=False,
        second=200_000_000_000,
        character=30_000_000_000,
        image=400_000_000_000_000,
    ),
    "free": PriceTable(Rates(), (), "free by policy", known=False),
}
"""What stands in for a price nobody knows. The estimate is what the dearest models in wide use cost, of any kind."""

_OF_INPUT = {
    "cached": "cached_input",
    "cache_write": "cache_write",
    "cache_write_1h": "cache_write_1h",
    "audio_input": "audio_input",
    "cached_audio": "cached_audio_input",
    "image_input": "image_input",
    "cached_image": "cached_image_input",
}
_OF_OUTPUT = {"reasoning": "reasoning", "audio_output": "audio_output", "image_output": "image_output"}
"""Kinds that are parts of another: name in ``Rates``, in ``TokenRates``."""


_WILD = frozenset("*?[")


def price_for(model: str, prices: Mapping[str, Price]) -> Price | None:
    """A provider's own price of a model: by its exact name, else by the longest pattern that fits."""
    exact = prices.get(model)
    if exact is not None:
        return exact
    fitting = [name for name in prices if not _WILD.isdisjoint(name) and fnmatchcase(model, name)]
    return prices[max(fitting, key=lambda pattern: (len(pattern), pattern))] if fitting else None


def merge_price(given: Price | None, known: PriceTable | None) -> PriceTable | None:
    """A configured price, its gaps filled from what is less specific. Configured rates hold for every size of request
    and every service tier, unless they say otherwise."""
    if given is None or given.says_nothing:
        return known
    rates = _gives_rates(given)
    base = _merged(given, known.base if known is not None and not known.only_units else None)
    tiers: tuple[tuple[int, Rates], ...] = known.tiers if known is not None and not rates else ()
    if given.tiers:
        tiers = _tiers(given, base)
    source = given.source or "config"
    search = _nano(given.web_search, known.search if known is not None else 0)
    request = _nano(given.request, known.request if known is not None else 0)
    services = dict(known.services) if known is not None and not rates else {}
    for name, own in given.service_tiers.items():
        before = services.get(name)
        standard = _merged(own, before.base if before is not None else base)
        above = _tiers(own, standard) if own.tiers or before is None or _gives_rates(own) else before.tiers
        services[name] = _with_units(PriceTable(standard, above, source, search=search, request=request), given, known)
    priced = PriceTable(base, tiers, source, services=tuple(services.items()), search=search, request=request)
    return _with_units(priced, given, known)


def _with_units(price: PriceTable, given: Price, known: PriceTable | None) -> PriceTable:
    """Per million units; prices of seconds and pictures are given per thousand."""

    def of(name: str, factor: int) -> int:
        own = getattr(given, name)
        return usd_to_nano(own) * factor if own is not None else getattr(known, name) if known is not None else 0

    second, character, image = of("second", 1000), of("character", 1), of("image", 1000)
    return replace(price, second=second, character=character, image=image) if second or character or image else price


def _gives_rates(given: TokenRates) -> bool:
    return any(getattr(given, name) is not None for name in TokenRates.model_fields)


def _tiers(given: TieredRates, base: Rates) -> tuple[tuple[int, Rates], ...]:
    return tuple((tier.above, _merged(tier, base, keep=True)) for tier in given.tiers)


def _merged(given: TokenRates, base: Rates | None, *, keep: bool = False) -> Rates:
    """The table's rates of parts (what is cached, say) go with its rate of the whole, unless they are to ``keep``."""
    read = _nano(given.input, base.input if base is not None else 0)
    wrote = _nano(given.output, base.output if base is not None else 0)
    parts: dict[str, int] = {}
    for whole, names in ((given.input, _OF_INPUT), (given.output, _OF_OUTPUT)):
        for name, spelled in names.items():
            value = getattr(given, spelled)
            if value is not None:
                parts[name] = usd_to_nano(value)
            elif base is not None and (keep or whole is None):
                parts[name] = getattr(base, name)
    return Rates.of(read, wrote, **parts)


def _nano(value: str | None, otherwise: int) -> int:
    return otherwise if value is None else usd_to_nano(value)
